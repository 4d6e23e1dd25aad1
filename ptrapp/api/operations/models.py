"""Operations on the base model: which are within reach, and choosing another."""

from pydantic import Field

from ptrapp.api.answers import StateNow
from ptrapp.api.bodies import Body
from ptrapp.services import base_models
from ptrapp.services.base_models import BaseModels
from ptrapp.services.context import AppContext


class ChosenModel(Body):
    """A base model to load."""

    model: str = Field(max_length=1000)
    """Its name in the listing."""


def models(context: AppContext) -> BaseModels:
    """The base models within reach, each with its versions; which answers, and which is loading."""
    return base_models.read(context)


def load_model(context: AppContext, body: ChosenModel) -> StateNow:
    """Begin to load another base model; the one before answers until then. For admins."""
    return StateNow(base_models.load(context, body.model))
