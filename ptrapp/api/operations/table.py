"""The table of operations: function, roles, route, name."""

from ptrapp.api.operations import (
    adjudications,
    agreement,
    campaigns,
    data,
    flags,
    jobs,
    labelling,
    models,
)
from ptrapp.api.operations.operation import Operation
from ptrapp.core.people import ADMINS, EVERYBODY, LABELS, READS

LABELLING = (
    Operation(labelling.next_pairs, LABELS, "POST /campaigns/{campaign_id}/next", "label_next"),
    Operation(labelling.leave, LABELS, "POST /labels/leave"),
    Operation(labelling.undo, LABELS, "POST /campaigns/{campaign_id}/undo", "label_undo"),
    Operation(labelling.vote, LABELS, "POST /labels/{key}/vote", "label_vote"),
    Operation(labelling.skip, LABELS, "POST /labels/{key}/skip", "label_skip"),
    Operation(labelling.flag, LABELS, "POST /labels/{key}/flag", "label_flag"),
    Operation(labelling.reason, LABELS, "POST /labels/{key}/reason", "label_reason"),
    Operation(labelling.reveal, LABELS, "POST /labels/{key}/reveal", "label_reveal"),
    Operation(labelling.diff, LABELS, "GET /labels/{key}/diff", "label_diff", alone="pieces"),
)
CAMPAIGNS = (
    Operation(campaigns.list_campaigns, EVERYBODY, "GET /campaigns", "campaigns"),
    Operation(campaigns.new_campaign, ADMINS, "POST /campaigns", status=201),
    Operation(campaigns.new_campaign_by_name, ADMINS, name="campaign_create", alone="campaign_id"),
    Operation(campaigns.preview, ADMINS, "POST /campaigns/preview"),
    Operation(campaigns.one_campaign, EVERYBODY, "GET /campaigns/{campaign_id}"),
    Operation(campaigns.set_state, ADMINS, "POST /campaigns/{campaign_id}/state"),
    Operation(campaigns.change, ADMINS, "POST /campaigns/{campaign_id}"),
    Operation(campaigns.duplicate, ADMINS, "POST /campaigns/{campaign_id}/duplicate", status=201),
    Operation(campaigns.set_guidelines, ADMINS, "POST /campaigns/{campaign_id}/guidelines"),
    Operation(campaigns.add_items, ADMINS, "POST /campaigns/{campaign_id}/items"),
    Operation(campaigns.known_items, ADMINS, "GET /campaigns/{campaign_id}/items"),
    Operation(campaigns.judge, ADMINS, "POST /campaigns/{campaign_id}/judge", status=201),
    Operation(campaigns.render_guidelines, ADMINS, "POST /guidelines/preview"),
)
AGREEMENT = (
    Operation(agreement.labelling, READS, "GET /labelling"),
    Operation(agreement.agreement_of_everything, READS, "GET /agreement"),
    Operation(agreement.agreement, READS, "GET /campaigns/{campaign_id}/agreement"),
    Operation(agreement.disagreements, ADMINS, "GET /campaigns/{campaign_id}/disagreements"),
    Operation(
        adjudications.settle,
        ADMINS,
        "POST /campaigns/{campaign_id}/disagreements/{comparison_id}",
        "adjudicate",
    ),
    Operation(
        adjudications.take_back,
        ADMINS,
        "POST /campaigns/{campaign_id}/disagreements/{comparison_id}/undo",
    ),
    Operation(flags.list_flags, ADMINS, "GET /campaigns/{campaign_id}/flags"),
    Operation(flags.remove_flag, ADMINS, "POST /campaigns/{campaign_id}/flags/{flag_id}/remove"),
)
JOBS = (
    Operation(jobs.training, READS, "GET /training", "training"),
    Operation(jobs.list_jobs, READS, "GET /jobs", "jobs"),
    Operation(jobs.one_job, READS, "GET /jobs/{job_id}"),
    Operation(jobs.log_of, ADMINS, "GET /jobs/{job_id}/log"),
    Operation(jobs.new_job, ADMINS, "POST /jobs", "job_start", status=201, alone="job_id"),
    Operation(jobs.cancel, ADMINS, "POST /jobs/{job_id}/cancel", "job_cancel"),
    Operation(jobs.resume, ADMINS, "POST /jobs/{job_id}/resume"),
    Operation(jobs.discard, ADMINS, "POST /jobs/{job_id}/discard"),
)
MODELS = (
    Operation(models.models, READS, "GET /models", "models"),
    Operation(models.load_model, ADMINS, "POST /models/load", "model_load", alone="state"),
)
DATA = (
    Operation(data.list_imports, ADMINS, "GET /imports"),
    Operation(data.one_import, ADMINS, "GET /imports/{import_id}"),
    Operation(data.cancel_import, ADMINS, "POST /imports/{import_id}/cancel"),
    Operation(data.undo_import, ADMINS, "POST /imports/{import_id}/undo"),
)
OPERATIONS = (*LABELLING, *CAMPAIGNS, *AGREEMENT, *JOBS, *MODELS, *DATA)
