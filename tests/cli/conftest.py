import pytest


@pytest.fixture
def sigden():
    """Run a command; stdout, stderr and exit code apart."""
    from click.testing import CliRunner

    from sigden.cli import main

    def call(*arguments, code=0):
        result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="sigden")
        assert result.exit_code == code, (result.output, result.exception)
        assert "Traceback" not in result.output
        if code == 2:
            assert result.stderr.strip().splitlines()[-1].startswith("Error: ")
        return result

    return call
