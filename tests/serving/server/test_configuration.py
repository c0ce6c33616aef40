"""The files that the real server reads, and which configurations and changes are legal."""

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.errors import ConfigError
from tfvae.serving.server import configuration as c
from tfvae.serving.server.batching_parameters import BatchingParameters
from tfvae.serving.server.errors import ServingError
from tfvae.serving.server.model_config import check_change, check_configuration, models_of

# The example of the contract.
MODELS = """
model_config_list { config {
  name: 'vae' base_path: '/models/vae' model_platform: 'tensorflow'
  model_version_policy { specific { versions: 42 versions: 43 } }
  version_labels { key: 'stable' value: 42 }  version_labels { key: 'canary' value: 43 } } }
"""
BATCHING = """
max_batch_size { value: 128 }            batch_timeout_micros { value: 2000 }
max_enqueued_batches { value: 100 }      num_batch_threads { value: 8 }
thread_pool_name { value: "pool" }       allowed_batch_sizes: 32  allowed_batch_sizes: 128
pad_variable_length_inputs: true         enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 64 }
"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="file.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def config(text):
    return text_format.Parse(text, ModelServerConfig())


def test_a_model_config_file(file):
    vae = models_of(c.read_model_config(file(MODELS)))["vae"]
    assert vae.base_path == "/models/vae"
    assert list(vae.model_version_policy.specific.versions) == [42, 43]
    assert dict(vae.version_labels) == {"stable": 42, "canary": 43}


def test_a_single_model_is_the_latest_version_of_it():
    vae = models_of(c.single_model("vae", "/models/vae"))["vae"]
    assert (vae.name, vae.base_path, vae.model_platform) == ("vae", "/models/vae", "tensorflow")
    assert vae.model_version_policy.WhichOneof("policy_choice") is None


def test_batching_parameters_by_the_names_of_the_real_server(file):
    assert c.read_batching_parameters(file(BATCHING)) == BatchingParameters(
        max_batch_size=128,
        batch_timeout_micros=2000,
        max_enqueued_batches=100,
        num_batch_threads=8,
        thread_pool_name="pool",
        allowed_batch_sizes=(32, 128),
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
        max_execution_batch_size=64,
    )


FIELDS = {
    "": BatchingParameters(),
    "batch_timeout_micros { value: 0 }": BatchingParameters(batch_timeout_micros=0),
    "max_batch_size { value: 4 }": BatchingParameters(max_batch_size=4),
    "max_batch_size { }": BatchingParameters(max_batch_size=0),
    "allowed_batch_sizes: [1, 2, 4]": BatchingParameters(allowed_batch_sizes=(1, 2, 4)),
    "enable_large_batch_splitting { value: false }": BatchingParameters(),
    "# a comment\nnum_batch_threads { value: 3 }": BatchingParameters(num_batch_threads=3),
}


@pytest.mark.parametrize(("text", "expected"), FIELDS.items())
def test_batching_parameters_have_the_defaults_of_the_real_server(file, text, expected):
    assert c.read_batching_parameters(file(text)) == expected


def test_defaults_of_batching():
    parameters = BatchingParameters()
    assert (parameters.max_batch_size, parameters.batch_timeout_micros, parameters.max_enqueued_batches) == (
        1000,
        0,
        10,
    )


def test_a_monitoring_file(file):
    text = 'prometheus_config { enable: true, path: "/monitoring/prometheus/metrics" }'
    message = c.read_monitoring_config(file(text)).prometheus_config
    assert (message.enable, message.path) == (True, "/monitoring/prometheus/metrics")
    assert not c.read_monitoring_config(file("")).prometheus_config.enable


def test_a_tls_file(file):
    text = 'server_key: "KEY\\nA" server_cert: "CERT" custom_ca: "CA" client_verify: true'
    message = c.read_ssl_config(file(text))
    assert (message.server_key, message.server_cert) == ("KEY\nA", "CERT")
    assert (message.custom_ca, message.client_verify) == ("CA", True)


@pytest.mark.parametrize("text", ["", 'server_key: "K"', 'server_cert: "C"'])
def test_a_tls_file_needs_key_and_certificate(file, text):
    with pytest.raises(ConfigError, match="must set both `server_key` and `server_cert`"):
        c.read_ssl_config(file(text))


READERS = [c.read_model_config, c.read_batching_parameters, c.read_monitoring_config, c.read_ssl_config]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ["no_such_field: 1", "{", "max_batch_size: 128", "model_config_list { config: 7 }"])
def test_a_file_of_another_kind_is_refused_in_one_sentence(file, read, text):
    with pytest.raises(ConfigError, match="in protobuf's text format") as caught:
        read(file(text, "wrong.config"))
    assert "wrong.config" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path, file, read):
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        read(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read(tmp_path)
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        read(file(b"\xff\xfe\x00"))


def models(*texts):
    return config("model_config_list { " + " ".join(f"config {{ {text} }}" for text in texts) + " }")


TENSORFLOW = "model_platform: 'tensorflow'"
A = f"name: 'a' base_path: '/a' {TENSORFLOW}"
ILLEGAL = [
    (models(A, A), "Illegal to list model a multiple times in config list"),
    (
        models(f"name: 'a' base_path: 'a' {TENSORFLOW}"),
        "Expected model a to have an absolute path or URI; got base_path()=a",
    ),
    (
        models(f"name: 'a' base_path: '' {TENSORFLOW}"),
        "Expected model a to have an absolute path or URI; got base_path()=",
    ),
    (
        models(A, f"name: 'b' base_path: './b' {TENSORFLOW}"),
        "Expected model b to have an absolute path or URI; got base_path()=./b",
    ),
    (models("name: 'a' base_path: '/a'"), "Illegal setting neither ModelServerConfig::model_type"),
    (
        models(f"name: 'a' base_path: '/a' {TENSORFLOW} model_type: TENSORFLOW"),
        "Illegal setting both ModelServerConfig::model_type",
    ),
    (models("name: 'a' base_path: '/a' model_type: OTHER"), "ModelServerConfig::model_type choice 2 not supported"),
    (config("custom_model_config {}"), "Missing custom_model_config_loader"),
]


@pytest.mark.parametrize(("configuration", "text"), ILLEGAL, ids=range(len(ILLEGAL)))
def test_an_illegal_configuration_is_refused(configuration, text):
    with pytest.raises(ServingError) as caught:
        check_configuration(configuration)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.message.startswith(text)


LEGAL = [
    ModelServerConfig(),
    config("model_config_list {}"),
    models(A),
    models(A, f"name: 'b' base_path: '/a' {TENSORFLOW}"),  # two models may share a path
    models("name: 'a' base_path: '/a' model_type: TENSORFLOW"),
    models(f"name: 'a' base_path: 'gs://bucket/a' {TENSORFLOW}"),
]


@pytest.mark.parametrize("configuration", LEGAL, ids=range(len(LEGAL)))
def test_a_legal_configuration_is_accepted(configuration):
    check_configuration(configuration)
    check_change(ModelServerConfig(), configuration)


OTHER_PLATFORM = models("name: 'a' base_path: '/a' model_platform: 'other'")
CHANGES = [
    (models(A), OTHER_PLATFORM, "INVALID_ARGUMENT", "Illegal to change a model's platform. For model a platform was"),
    (ModelServerConfig(), OTHER_PLATFORM, "INVALID_ARGUMENT", "Model a requests unsupported platform other"),
    (models(A), ModelServerConfig(), "FAILED_PRECONDITION", "Cannot transition to requested config."),
    (models(A), config("custom_model_config {}"), "FAILED_PRECONDITION", "Cannot transition to requested config."),
    (models(A), models(A, A), "INVALID_ARGUMENT", "Illegal to list model a multiple times"),
]


@pytest.mark.parametrize(("old", "new", "code", "text"), CHANGES, ids=range(len(CHANGES)))
def test_an_illegal_change_is_refused(old, new, code, text):
    with pytest.raises(ServingError) as caught:
        check_change(old, new)
    assert caught.value.code == code
    assert caught.value.message.startswith(text)


@pytest.mark.parametrize(
    "new",
    [
        models(A),
        models(f"name: 'a' base_path: '/elsewhere' {TENSORFLOW}"),
        models(f"name: 'b' base_path: '/b' {TENSORFLOW}"),
        models("name: 'a' base_path: '/a' model_type: TENSORFLOW"),  # the same platform by its old name
        config("model_config_list {}"),
    ],
    ids=range(5),
)
def test_a_legal_change_is_accepted(new):
    check_change(models(A), new)
