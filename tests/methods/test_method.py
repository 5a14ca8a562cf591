from dataclasses import dataclass

import numpy as np
import pytest

import sigden
from sigden import ParameterError, registry
from sigden.denoisers import ROF, RROF, TV1D
from sigden.errors import FileError
from sigden.method import Method, from_dict, from_toml, input_hash, provenance, read_toml
from sigden.strain import StrainDenoiser


def test_dict_and_toml_give_equal_values():
    method = StrainDenoiser(band=(30.0, 300.0), notches=(60.0,), denoiser=RROF(regularization=2.0))
    assert from_dict(method.to_dict()) == method
    assert from_toml(method.to_toml()) == method
    assert hash(from_toml(method.to_toml())) == hash(method)


def test_whole_numbers_serve_as_floats_but_not_the_other_way():
    assert from_dict({"method": "RROF", "regularization": 2}).regularization == 2.0
    with pytest.raises(ParameterError, match=r"passes: .*int.*2\.5"):
        from_dict({"method": "RROF", "iteration": "bregman", "passes": 2.5})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"method": "RROF", "regularisation": 1.0},
            r"regularisation: unknown key of RROF; did you mean 'regularization'",
        ),
        ({"method": "RROF", "beta": "small"}, r"beta: .*'small'"),
        ({"method": "RROF", "beta": True}, r"beta: "),
        ({"method": "RROF", "regularization": "autom"}, r"regularization: "),
        ({"method": "RROFF"}, r"no method is called 'RROFF'; did you mean 'RROF'"),
        ({"beta": 1.0}, r"method: missing"),
        ({"method": "StrainDenoiser", "band": [1.0]}, r"band: "),
        (
            {"method": "StrainDenoiser", "denoiser": {"method": "RROF", "bta": 1.0}},
            r"denoiser\.bta: unknown key",
        ),
        ({"method": "StrainDenoiser", "denoiser": {"beta": 1.0}}, r"denoiser\.method: missing"),
        ({"method": "RROF", "beta": -1.0}, r"beta: must be positive"),
    ],
)
def test_errors_name_the_key(data, message):
    with pytest.raises(ParameterError, match=message):
        from_dict(data)


def test_a_nested_method_must_have_the_right_kind():
    with pytest.raises(ParameterError, match=r"denoiser: .*Denoiser"):
        from_dict({"method": "StrainDenoiser", "denoiser": {"method": "StrainDenoiser"}})


def test_class_from_dict_checks_its_name():
    assert RROF.from_dict({"beta": 0.5}) == RROF(beta=0.5)
    with pytest.raises(ParameterError, match="expected 'RROF', got 'TV1D'"):
        RROF.from_dict({"method": "TV1D"})


def test_replace_makes_a_copy_and_names_unknown_keys():
    assert RROF().replace(beta=0.1) == RROF(beta=0.1)
    with pytest.raises(ParameterError, match="bta"):
        RROF().replace(bta=0.1)


def test_toml_errors_name_the_file(tmp_path):
    path = tmp_path / "m.toml"
    with pytest.raises(FileError, match=r"m\.toml: cannot read"):
        read_toml(path)
    path.write_text("method = ")
    with pytest.raises(ParameterError, match=r"m\.toml: not valid TOML"):
        read_toml(path)
    path.write_text("method = 'TV1D'\nregularization = 2.0\n")
    assert read_toml(path) == TV1D(regularization=2.0)


def test_every_name_loads_and_is_a_documented_method():
    for name in registry.names():
        cls = registry.load(name)
        assert issubclass(cls, Method)
        assert cls.name() == name
        assert cls.summary()
        assert cls.axes
        assert all(parameter in (cls.__doc__ or "") for parameter in cls.parameters())


def test_provenance_is_complete_and_independent_of_byte_order():
    x = np.arange(4.0)
    record = provenance(RROF(beta=0.5), x)
    assert record["method"] == "RROF"
    assert record["parameters"]["beta"] == 0.5
    assert record["version"] == sigden.__version__
    assert record["input_sha256"] == input_hash(x.astype(">f8"))
    assert record["input_sha256"] != input_hash(x[::-1])
    assert record["input_sha256"] != input_hash(x.astype("f4"))


def test_third_party_methods_may_nest(monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Outer(Method):
        """Outer."""

        inner: TV1D | None = None

    assert Outer.from_dict({"inner": {"method": "TV1D"}}).inner == TV1D()


def test_unknown_attribute_of_the_package():
    with pytest.raises(AttributeError, match="Nothing"):
        _ = sigden.Nothing
    assert "RROF" in dir(sigden)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RROF(beta="small"), r"beta: .*'small'"),
        (lambda: RROF(passes=2.5), r"passes: "),
        (lambda: StrainDenoiser(whitened="no"), r"whitened: .*'no'"),
        (lambda: StrainDenoiser(band=35), r"band: "),
        (lambda: StrainDenoiser(band=(35,)), r"band: "),
        (lambda: StrainDenoiser(sample_rate="4096"), r"sample_rate: "),
        (lambda: StrainDenoiser(denoiser=3), r"denoiser: expected a Denoiser"),
        (lambda: StrainDenoiser(denoiser=RROF), r"denoiser: expected a Denoiser"),
        (lambda: StrainDenoiser(denoiser=StrainDenoiser()), r"denoiser: .* got the method StrainDenoiser"),
        (lambda: StrainDenoiser(denoiser=ROF()), r"denoiser: ROF works on \(\.\.\., rows, columns\)"),
        (lambda: StrainDenoiser(segment_seconds=float("inf")), r"segment_seconds: "),
    ],
)
def test_the_constructor_is_as_strict_as_a_file(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_numpy_numbers_are_numbers():
    method = RROF(beta=np.float32(0.5), iteration="bregman", passes=np.int64(3))
    assert method == RROF(beta=0.5, iteration="bregman", passes=3)
    assert type(method.passes) is int


def test_provenance_tells_sigma_and_mask():
    x, mask = np.arange(4.0), np.asarray([True, False, False, False])
    record = provenance(RROF(), x, sigma=2.0, mask=mask)
    assert record["sigma"] == 2.0
    assert record["mask_sha256"] == input_hash(mask)
    assert "sigma" not in provenance(RROF(), x, sigma=None)
    assert provenance(RROF(), x, sigma=x)["sigma_sha256"] == input_hash(x)
