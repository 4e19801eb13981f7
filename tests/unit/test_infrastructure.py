"""What infrastructure/ says, held against the code that relies on it. Whether AWS would take it: test_packaging."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from chalicelib.documents.dynamodb.items import TIME_TO_LIVE
from chalicelib.documents.dynamodb.table import table_definition
from chalicelib.identity.cognito import create_pool
from chalicelib.jobs.executors.process import WORK
from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.notifications.notices import NOTICES
from chalicelib.queues import MAX_RECEIVES
from chalicelib.queues.sqs import DEAD, RETENTION
from chalicelib.settings import Home, Settings
from scripts.package import INFRASTRUCTURE, join_families

TEMPLATE = join_families()
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = {name: each["Properties"] for name, each in RESOURCES.items() if "FunctionName" in each["Properties"]}
CONFIG = json.loads((Path(INFRASTRUCTURE).parent / "backend/.chalice/config.json").read_text())
STAGES = sorted(path.stem for path in (INFRASTRUCTURE / "values").glob("*.json"))
CHALICE_NAMES = {"APIHandler": "api_handler", "OnOrders": "on_orders", "WatchdogCheck": "watchdog_check"}
NAMED_BY_TAG = "TargetSsmMachines"


def of_type(kind):
    return {name: each["Properties"] for name, each in RESOURCES.items() if each.get("Type") == kind}


def statements(policy):
    """Of a policy document, those under a condition of the stack included."""
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in policy["Statement"]]


def service_statements():
    return statements(RESOURCES["ServicePolicy"]["Properties"]["PolicyDocument"])


def seconds_of(function):
    own = CONFIG["lambda_functions"].get(CHALICE_NAMES.get(function, ""), {})
    return own.get("lambda_timeout", CONFIG["lambda_timeout"])


def queue_of(name):
    wanted = {"Fn::Sub": "${AWS::StackName}-" + name}
    return next(each for each in of_type("AWS::SQS::Queue").values() if each["QueueName"] == wanted)


def test_the_table_is_the_one_that_the_adapter_makes():
    table = RESOURCES["Table"]["Properties"]
    assert {name: table[name] for name in table_definition()} == table_definition()
    assert table["TimeToLiveSpecification"] == {"AttributeName": TIME_TO_LIVE, "Enabled": True}


def test_the_table_can_be_brought_back_to_any_second_and_outlives_the_stack():
    assert RESOURCES["Table"]["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert RESOURCES["Table"]["DeletionPolicy"] == "RetainExceptOnCreate"


@pytest.mark.parametrize("name", [WAKE_UPS, WORK, NOTICES])
def test_a_queue_has_its_dead_letters_where_the_adapter_looks_for_them(name):
    target = queue_of(name)["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert queue_of(name)["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES
    assert RESOURCES[target]["Properties"] is queue_of(name + DEAD)


def test_every_message_is_kept_as_long_as_the_adapter_would_keep_it():
    assert {each["MessageRetentionPeriod"] for each in of_type("AWS::SQS::Queue").values()} == {RETENTION}


@pytest.mark.parametrize(("queue", "function"), [(WAKE_UPS, "OnWakeUps"), (WORK, "OnOrders"), (NOTICES, "OnNotices")])
def test_a_message_comes_again_only_when_its_function_cannot_run_any_more(queue, function):
    assert queue_of(queue)["VisibilityTimeout"] > seconds_of(function)


def test_the_user_pool_is_the_one_that_the_adapter_makes():
    pool, client = Recorder.of(create_pool)
    told = RESOURCES["UserPool"]["Properties"]
    assert told == {**pool, "UserPoolName": told["UserPoolName"]}
    told = RESOURCES["UserPoolClient"]["Properties"]
    assert told == {**client, "UserPoolId": told["UserPoolId"]}


class Recorder:
    """Takes the place of AWS's client, and keeps what it is asked to make."""

    def __init__(self):
        self.asked = []

    @classmethod
    def of(cls, make):
        recorder = cls()
        make(recorder, "any")
        return recorder.asked

    def create_user_pool(self, **wanted):
        self.asked.append({name: each for name, each in wanted.items() if name != "PoolName"})
        return {"UserPool": {"Id": "pool"}}

    def create_user_pool_client(self, **wanted):
        self.asked.append(wanted)
        return {"UserPoolClient": {"ClientId": "client"}}


@pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
def test_a_bucket_is_encrypted_closed_and_versioned(name):
    bucket = RESOURCES[name]["Properties"]
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
def test_a_bucket_takes_encrypted_connections_only(name):
    policies = [each for each in of_type("AWS::S3::BucketPolicy").values() if each["Bucket"] == {"Ref": name}]
    [statement] = policies[0]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_bundles_and_broken_uploads_are_gone_after_a_day():
    rules = {each["Id"]: each for each in RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert (rules["bundles-and-callbacks"]["Prefix"], rules["bundles-and-callbacks"]["ExpirationInDays"]) == ("tmp/", 1)
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_every_function_has_a_log_of_its_own_that_is_kept_for_a_while():
    logs = [each["LoggingConfig"]["LogGroup"]["Ref"] for each in FUNCTIONS.values()]
    assert len(logs) == len(set(logs))
    assert all("RetentionInDays" in RESOURCES[each]["Properties"] for each in logs)


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"Work"}))
def test_functions_get_settings_that_exist(name):
    known = {each.metadata["name"] for each in fields(Settings)}
    given = FUNCTIONS[name]["Environment"]["Variables"]
    assert given.keys() <= known
    assert given["MILLRACE_HOME"] == Home.AWS


def test_the_function_that_runs_users_commands_is_told_nothing_and_is_not_tried_again():
    assert "Environment" not in FUNCTIONS["Work"]
    assert FUNCTIONS["Work"]["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize(
    ("role", "log"), [("WorkRole", "WorkLog"), ("BuildRole", "BuildLog"), ("TaskExecutionRole", "TaskLog")]
)
def test_what_runs_users_commands_may_write_its_log_and_nothing_else(role, log):
    [policy] = RESOURCES[role]["Properties"]["Policies"]
    assert "ManagedPolicyArns" not in RESOURCES[role]["Properties"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert statement["Resource"] == {"Fn::GetAtt": [log, "Arn"]}


def test_containers_of_tasks_have_no_role_at_all():
    assert "TaskRoleArn" not in RESOURCES["Task"]["Properties"]


@pytest.mark.parametrize("name", ["OnCallbacks", "OnWakeUps", "OnOrders", "OnNotices"])
def test_a_function_has_its_rights_before_lambda_asks_for_them(name):
    assert RESOURCES[name]["DependsOn"] == "ServicePolicy"


def test_the_service_may_do_no_action_by_wildcard():
    actions = [action for each in service_statements() for action in aslist(each["Action"])]
    assert [action for action in actions if "*" in action] == []


def test_only_actions_that_take_no_resource_are_allowed_on_all():
    everywhere = [each for each in service_statements() if each["Resource"] == "*"]
    assert [each["Sid"] for each in everywhere] == ["TargetSsmCommands"]


def test_commands_are_run_on_machines_of_the_stage_alone():
    [machines] = [each for each in service_statements() if each["Sid"] == NAMED_BY_TAG]
    assert machines["Condition"] == {"StringEquals": {"ssm:resourceTag/millrace": {"Ref": "Stage"}}}


def test_the_documents_of_the_role_are_those_of_the_table():
    [documents] = [each for each in service_statements() if each["Sid"] == "Documents"]
    indexes = [each["IndexName"] for each in table_definition()["GlobalSecondaryIndexes"]]
    named = [{"Fn::GetAtt": ["Table", "Arn"]}, *({"Fn::Sub": f"${{Table.Arn}}/index/{each}"} for each in indexes)]
    assert documents["Resource"] == named


def aslist(value):
    return value if isinstance(value, list) else [value]


def test_a_failing_check_is_tried_again_and_never_ends_the_watch():
    machine = json.loads(RESOURCES["Watchdog"]["Properties"]["DefinitionString"])
    check = machine["States"]["Check"]
    assert check["Retry"][-1]["ErrorEquals"] == ["States.ALL"]
    assert check["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
    assert machine["States"][check["Catch"][-1]["Next"]]["Next"] == "Check"


def test_the_watch_rests_for_as_long_as_the_check_says():
    machine = json.loads(RESOURCES["Watchdog"]["Properties"]["DefinitionString"])
    assert machine["States"]["Rest"]["SecondsPath"] == "$.check.wait"


def test_what_the_document_is_given_needs_no_quoting():
    content = RESOURCES["RunDocument"]["Properties"]["Content"]
    assert content["parameters"]["launch"]["allowedPattern"] == "^[A-Za-z0-9+/]+={0,2}$"
    assert content["mainSteps"][0]["inputs"]["runCommand"] == ["echo '{{ launch }}' | base64 -d | sh"]


def test_an_account_has_these_alarms_for_nothing():
    assert len(of_type("AWS::CloudWatch::Alarm")) <= 10


def test_every_alarm_is_told_what_to_do_at():
    told = (Path(INFRASTRUCTURE).parent / "CONTRIBUTING.md").read_text()
    names = [
        each["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for each in of_type("AWS::CloudWatch::Alarm").values()
    ]
    assert [name for name in names if f"| `{name}` |" not in told] == []


def test_every_queue_of_dead_letters_has_an_alarm():
    watched = {each["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for each in dead_letter_alarms()}
    assert watched == {name for name in of_type("AWS::SQS::Queue") if name.endswith("Dead")}


def dead_letter_alarms():
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    return [each for each in alarms if each["MetricName"] == "ApproximateNumberOfMessagesVisible"]


def test_nothing_is_paid_for_by_the_hour():
    by_the_hour = ("AWS::EC2::", "AWS::ECS::Service", "AWS::KMS::Key", "AWS::RDS::", "AWS::ElasticLoadBalancing")
    assert [name for name, each in RESOURCES.items() if each.get("Type", "").startswith(by_the_hour)] == []
    assert RESOURCES["Table"]["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("stage", STAGES)
def test_environments_differ_by_values_of_known_parameters(stage):
    values = json.loads((INFRASTRUCTURE / "values" / f"{stage}.json").read_text())
    assert values.keys() <= TEMPLATE["Parameters"].keys()
    assert values["Stage"] == stage == CONFIG["stages"][stage]["api_gateway_stage"]


def test_chalice_knows_the_same_stages_and_no_difference_but_their_names():
    assert sorted(CONFIG["stages"]) == STAGES
    assert all(each.keys() == {"api_gateway_stage"} for each in CONFIG["stages"].values())
