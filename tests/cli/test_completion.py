"""`hapiish completion`: scripts that shells read; bash itself completes with its script."""

import subprocess
from pathlib import Path

import pytest

from hapiish.cli import main
from hapiish.cli.manual import arguments
from hapiish.commands import COMMANDS

COMPLETE = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_hapiish
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


class Bash:
    """Completes words in a real bash, in a folder with some files."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        (folder / "completion.sh").write_text(script)
        for file in ("routes.yaml", "other.yml", "notes.txt", "my table.yaml"):
            (folder / file).touch()
        (folder / "inner").mkdir()

    def __call__(self, *words: str) -> list[str]:
        given = " ".join(f"'{word}'" for word in words)
        program = COMPLETE.format(script=self.folder / "completion.sh", words=given)
        done = subprocess.run(
            ["bash", "--norc", "-c", program], cwd=self.folder, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return [line for line in done.stdout.split("\n") if line]


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.fixture
def bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bash:
    return Bash(tmp_path, script("bash", capsys))


def test_bash_completes_commands(bash: Bash) -> None:
    assert bash("hapiish", "") == [*COMMANDS, "--help", "--version"]
    assert bash("hapiish", "che") == ["check"]
    assert bash("hapiish", "--v") == ["--version"]
    assert bash("hapiish", "nosuch", "") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_completes_the_options_of_every_command(bash: Bash, command: str) -> None:
    flags = [flag for each in arguments(command) for flag in each.flags]
    assert bash("hapiish", command, "-") == [*flags, "--help"]
    for each in arguments(command):
        for flag in each.flags:
            if each.choices:
                assert bash("hapiish", command, flag, "") == list(each.choices)
                assert bash("hapiish", command, flag, "=", each.choices[0][:2])[0] == each.choices[0]
                assert bash("hapiish", command, flag, "=") == list(each.choices)


def test_bash_completes_tables_and_folders(bash: Bash) -> None:
    assert sorted(bash("hapiish", "check", "")) == ["inner", "my table.yaml", "other.yml", "routes.yaml"]
    assert bash("hapiish", "run", "--reload", "ro") == ["routes.yaml"]


def test_bash_completes_files_of_options_and_nothing_for_a_number(bash: Bash) -> None:
    assert "notes.txt" in bash("hapiish", "schema", "--reference", "")
    assert bash("hapiish", "run", "--port", "") == []


def test_bash_completes_the_choices_of_a_word(bash: Bash) -> None:
    assert bash("hapiish", "completion", "") == ["bash", "zsh", "fish"]


def test_zsh_and_fish_get_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    zsh, fish = script("zsh", capsys), script("fish", capsys)
    for name, command in COMMANDS.items():
        text = command.help.replace(":", "\\:")
        assert f"{name}:{text}" in zsh
        assert f"-a {name} -d '" in fish
        for each in arguments(name):
            for flag in each.flags:
                assert f"'{flag}[" in zsh
                assert f"__fish_seen_subcommand_from {name}' " in fish
                assert f" -l {flag.removeprefix('--')} " in fish or f" -s {flag.removeprefix('-')} " in fish
