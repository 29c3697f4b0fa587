# SPDX-License-Identifier: MIT
"""documents_test.py XL MAN.PY FILE.md...: the manual pages are clean roff and say what the texts say; the
completion script is valid bash and completes."""
import pathlib
import subprocess
import sys
import tempfile


def run(*argv, **more):
    return subprocess.run(argv, text=True, capture_output=True, check=True, **more)


def manual_pages(generator, texts, folder):
    run(sys.executable, generator, folder, *texts)
    pages = sorted(pathlib.Path(folder).glob("*.1"))
    assert len(pages) == len(texts), (len(pages), len(texts))
    for page in pages:
        done = run("groff", "-man", "-ww", "-z", "-Tutf8", str(page))
        assert not done.stderr, f"{page.name}: {done.stderr}"
    create = run("groff", "-man", "-Tascii", "-P-cbou", f"{folder}/xl-create.1").stdout
    for part in ("NAME", "SYNOPSIS", "OPTIONS", "--dryrun", "xl create"):
        assert part in create, f"no {part} in:\n{create}"


def completion(xl, folder):
    script = pathlib.Path(folder) / "xl.bash"
    script.write_text(run(xl, "completion", "bash").stdout)
    ask = f"""source {script}
xl() {{ printf 'Name ID\nDomain-0 0\nweb 1\nmail 2\n'; }}
complete_for() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _xl; echo "${{COMPREPLY[@]}}"; }}
complete_for xl des; complete_for xl destroy w; complete_for xl console --since; complete_for xl create --dry"""
    got = run("bash", "--norc", "-c", ask).stdout.split("\n")
    assert got[:4] == ["destroy", "web", "--since-boot", "--dryrun"], got
    zsh = run(xl, "completion", "zsh").stdout
    assert zsh.startswith("#compdef xl\n") and "'console:" in zsh, zsh[:300]


def main():
    xl, generator, *texts = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        manual_pages(generator, texts, folder)
        completion(xl, folder)


if __name__ == "__main__":
    main()
