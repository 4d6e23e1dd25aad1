"""The memory that a container's control groups still allow, read from files as the kernel writes."""

from pathlib import Path

from training.loop.control_groups import UNLIMITED, allowed_bytes

GB = 1 << 30


def group(folder: Path, version: int, limit: str, usage: int, idle: int = 0) -> None:
    names = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n", encoding="ascii")
    (folder / names[1]).write_text(f"{usage}\n", encoding="ascii")
    (folder / "memory.stat").write_text(f"anon 7\n{names[2]} {idle}\n", encoding="ascii")


def process(folder: Path, *lines: str) -> Path:
    folder.mkdir()
    (folder / "cgroup").write_text("\n".join(lines) + "\n", encoding="ascii")
    return folder


def test_the_narrowest_group_around_the_process_decides(tmp_path: Path) -> None:
    root = tmp_path / "root"
    group(root / "app.slice", 2, str(8 * GB), 5 * GB)
    group(root / "app.slice" / "job", 2, str(6 * GB), 1 * GB)
    inside = process(tmp_path / "self", "0::/app.slice/job")

    assert allowed_bytes(root, inside) == 3 * GB


def test_files_that_were_not_used_lately_are_free(tmp_path: Path) -> None:
    group(tmp_path / "root", 2, str(4 * GB), 4 * GB, idle=2 * GB)
    inside = process(tmp_path / "self", "0::/")

    assert allowed_bytes(tmp_path / "root", inside) == 2 * GB


def test_a_container_sees_its_group_as_the_root_whatever_its_path(tmp_path: Path) -> None:
    """In version 1 the path is the host's, and the group itself is mounted."""
    group(tmp_path / "root" / "memory", 1, str(3 * GB), 1 * GB)
    inside = process(tmp_path / "self", "5:cpu:/docker/4f", "4:memory:/docker/4f", "0::/")

    assert allowed_bytes(tmp_path / "root", inside) == 2 * GB


def test_no_limit_is_none(tmp_path: Path) -> None:
    group(tmp_path / "root", 2, "max", GB)
    group(tmp_path / "root" / "memory", 1, "9223372036854771712", GB)
    inside = process(tmp_path / "self", "4:memory:/", "0::/")

    assert allowed_bytes(tmp_path / "root", inside) == UNLIMITED
    assert allowed_bytes(tmp_path / "root", tmp_path / "nowhere") == UNLIMITED
