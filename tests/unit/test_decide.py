"""The engine's judgement, alone: no clock, no store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.jobs.decide import (
    MAX_LOSSES,
    STOP_GRACE,
    WATCHDOG_GRACE,
    Board,
    Claim,
    End,
    Node,
    Plan,
    Requeue,
    Result,
    Stop,
    decide,
)
from chalicelib.jobs.model import Job, JobStatus, Order, OrderSpec, OrderStatus, RunWhen

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Q, D, R = OrderStatus.QUEUED, OrderStatus.DISPATCHING, OrderStatus.RUNNING
S, F, T = OrderStatus.SUCCEEDED, OrderStatus.FAILED, OrderStatus.TIMED_OUT
C, K = OrderStatus.CANCELLED, OrderStatus.SKIPPED


def board(*nodes: Node, statuses=None, results=(), lost=(), busy_queues=(), orders=(), **job) -> Board:
    states = list(statuses or [Q] * len(nodes))
    fields = {"job_id": "J", "tenant_id": "acme", "username": "ada", "kind": "shell", "name": "n", "created_at": NOW}
    given_orders = {each.number: each for each in orders}
    return Board(
        job=Job(**{**fields, "status": JobStatus.RUNNING, "states": "q" * len(nodes), **job}),
        plan=Plan(nodes, tuple(range(1, len(nodes) + 1))),
        statuses=states,
        orders={
            number: given_orders.get(number) or an_order(number, status)
            for number, status in enumerate(states, 1)
            if status in (D, R) or number in given_orders
        },
        results={each.number: each for each in results},
        lost=frozenset(lost),
        busy_queues=frozenset(busy_queues),
    )


def an_order(number: int, status: OrderStatus = R, **fields) -> Order:
    spec = OrderSpec(name=f"o{number}", commands=("true",), timeout=60)
    started = NOW if status is R else None
    return Order(
        **{"number": number, "spec": spec, "status": status, "attempt": 1, "tries": 1, "started_at": started, **fields}
    )


def ended(number: int, status: OrderStatus, reason: str = "") -> Result:
    return Result(number=number, attempt=1, status=status, reason=reason)


def test_orders_without_dependencies_are_claimed_at_once():
    assert decide(board(Node(), Node()), NOW).actions == (Claim(1), Claim(2))


def test_an_order_waits_for_its_dependency():
    assert decide(board(Node(), Node((1,)), statuses=[R, Q]), NOW).actions == ()


def test_a_dependant_is_claimed_in_the_round_that_ends_its_dependency():
    decision = decide(board(Node(), Node((1,)), statuses=[R, Q], results=[ended(1, S)]), NOW)
    assert decision.actions == (End(1, S), Claim(2))


def test_no_more_than_max_parallel_run():
    decision = decide(board(*[Node()] * 5, statuses=[R, Q, Q, Q, Q], max_parallel=3), NOW)
    assert decision.actions == (Claim(2), Claim(3))


def test_orders_of_one_queue_id_never_overlap():
    decision = decide(board(Node(queue_id="tf"), Node(queue_id="tf"), Node(queue_id="db")), NOW)
    assert decision.actions == (Claim(1), Claim(3))


def test_a_queue_id_held_by_another_job_is_waited_for():
    decision = decide(board(Node(queue_id="tf"), busy_queues={"tf"}), NOW)
    assert (decision.actions, decision.blocked_queues) == ((), {"tf"})


def test_behind_a_failure_a_required_order_fails_and_an_optional_one_is_skipped():
    nodes = Node(), Node((1,)), Node((1,), must_succeed=False)
    decision = decide(board(*nodes, statuses=[R, Q, Q], results=[ended(1, F, "exit code 1")]), NOW)
    assert decision.actions[1:] == (End(2, F, "dependency_failed"), End(3, K, "dependency_failed"))
    assert decision.finish is JobStatus.FAILED


def test_hopelessness_runs_down_the_whole_chain_in_one_round():
    chain = [Node(), *(Node((number,)) for number in range(1, 50))]
    decision = decide(board(*chain, statuses=[R] + [Q] * 49, results=[ended(1, F)]), NOW)
    assert len(decision.actions) == 50
    assert decision.finish is JobStatus.FAILED


def test_a_failed_optional_order_satisfies_and_warns():
    nodes = Node(must_succeed=False), Node((1,))
    decision = decide(board(*nodes, statuses=[R, Q], results=[ended(1, F)]), NOW)
    assert decision.actions == (End(1, F), Claim(2))
    assert decision.warnings == 1


def test_a_skipped_optional_order_does_not_satisfy():
    nodes = Node(), Node((1,), must_succeed=False), Node((2,))
    decision = decide(board(*nodes, statuses=[F, K, Q]), NOW)
    assert decision.actions == (End(3, F, "dependency_failed"),)


def test_all_done_runs_behind_failures_once_all_have_ended():
    nodes = Node(), Node(), Node((1, 2), run_when=RunWhen.ALL_DONE)
    assert decide(board(*nodes, statuses=[F, R, Q]), NOW).actions == ()
    assert decide(board(*nodes, statuses=[F, C, Q]), NOW).actions == (Claim(3),)


def test_a_failure_with_retries_left_runs_again_after_its_delay():
    node = Node(retries=1, retry_delay=30)
    decision = decide(board(node, statuses=[R], results=[ended(1, F, "exit code 1")]), NOW)
    assert decision.actions == (Requeue(1, "exit code 1", NOW + timedelta(seconds=30)),)


def test_the_last_retry_fails_for_good():
    node = Node(retries=1)
    twice = an_order(1, tries=2)
    decision = decide(board(node, statuses=[R], orders=[twice], results=[ended(1, F)]), NOW)
    assert decision.actions == (End(1, F),)


def test_a_retry_is_not_claimed_before_its_time():
    again = an_order(1, Q, not_before=NOW + timedelta(seconds=9))
    decision = decide(board(Node(), orders=[again]), NOW)
    assert (decision.actions, decision.look_at) == ((), NOW + timedelta(seconds=9))


def test_a_lost_worker_costs_no_retry():
    decision = decide(board(Node(), statuses=[R], lost=[1]), NOW)
    assert decision.actions == (Requeue(1, "worker_lost", NOW, loss=True),)


def test_an_order_that_loses_every_worker_fails():
    unlucky = an_order(1, losses=MAX_LOSSES)
    assert decide(board(Node(), statuses=[R], orders=[unlucky], lost=[1]), NOW).actions == (End(1, F, "worker_lost"),)


def test_a_result_of_an_earlier_attempt_changes_nothing():
    second = an_order(1, attempt=2)
    assert decide(board(Node(), statuses=[R], orders=[second], results=[ended(1, F)]), NOW).actions == ()


def test_the_watchdog_ends_what_its_worker_did_not():
    late = NOW + timedelta(seconds=60) + WATCHDOG_GRACE
    assert decide(board(Node(), statuses=[R]), late).actions == (End(1, T, "timeout"),)
    assert decide(board(Node(), statuses=[R]), late - timedelta(seconds=1)).actions == ()


def test_the_watchdog_never_overwrites_a_success():
    late = NOW + timedelta(hours=1)
    assert decide(board(Node(), statuses=[R], results=[ended(1, S)], job_timeout=9999), late).actions == (End(1, S),)


def test_cancel_ends_what_waits_and_stops_what_runs():
    decision = decide(board(Node(), Node(), Node(), statuses=[R, D, Q], cancel_requested_by="ada"), NOW)
    assert decision.actions == (Stop(1), End(2, C, "cancelled"), End(3, C, "cancelled"))
    assert decision.finish is None


def test_a_cancelled_job_ends_cancelled_once_its_orders_have():
    decision = decide(board(Node(), statuses=[R], results=[ended(1, C)], cancel_requested_by="ada"), NOW)
    assert decision.finish is JobStatus.CANCELLED


def test_a_job_whose_last_order_succeeded_before_the_cancel_is_a_success():
    decision = decide(board(Node(), statuses=[R], results=[ended(1, S)], cancel_requested_by="ada"), NOW)
    assert decision.finish is JobStatus.SUCCEEDED


def test_what_cannot_be_stopped_is_given_up_and_said_so():
    deaf = an_order(1, stop_asked_at=NOW)
    waiting = board(Node(), statuses=[R], orders=[deaf], cancel_requested_by="ada")
    assert decide(waiting, NOW + STOP_GRACE).actions == (End(1, C, "could_not_be_stopped"),)


def test_the_deadline_counts_from_the_first_start_and_stops_everything():
    nodes = Node(timeout=9999), Node((1,))
    late = board(*nodes, statuses=[R, Q], job_timeout=100)
    assert decide(late, NOW).deadline == NOW + timedelta(seconds=100)
    assert decide(late, NOW + timedelta(seconds=100)).actions == (Stop(1), End(2, C, "job_timeout"))


def test_a_job_past_its_deadline_is_timed_out():
    late = board(Node(), statuses=[R], results=[ended(1, C)], deadline=NOW)
    assert decide(late, NOW) == replace(
        decide(late, NOW), actions=(End(1, T, "job_timeout"),), finish=JobStatus.TIMED_OUT
    )


def test_a_required_timeout_times_the_job_out_and_a_failure_outweighs_it():
    assert decide(board(Node(), statuses=[T]), NOW).finish is JobStatus.TIMED_OUT
    assert decide(board(Node(), Node(), statuses=[T, F]), NOW).finish is JobStatus.FAILED


def test_a_job_of_failed_optional_orders_succeeds_with_warnings():
    decision = decide(board(Node(must_succeed=False), Node(), statuses=[F, S]), NOW)
    assert (decision.finish, decision.warnings) == (JobStatus.SUCCEEDED, 1)


@st.composite
def boards(draw) -> Board:
    """Any state a job of up to eight orders could be in, reachable or not."""
    count = draw(st.integers(1, 8))
    nodes = tuple(
        Node(
            dependencies=tuple(sorted(draw(st.sets(st.integers(1, number - 1)))) if number > 1 else ()),
            must_succeed=draw(st.booleans()),
            run_when=draw(st.sampled_from(RunWhen)),
            retries=draw(st.integers(0, 2)),
            queue_id=draw(st.sampled_from([None, None, "a", "b"])),
        )
        for number in range(1, count + 1)
    )
    statuses = draw(st.lists(st.sampled_from(OrderStatus), min_size=count, max_size=count))
    active = [number for number, status in enumerate(statuses, 1) if status in (D, R)]
    reported = draw(st.sets(st.sampled_from(active))) if active else set()
    outcomes = st.sampled_from([S, F, T, C, Q])
    return board(
        *nodes,
        statuses=statuses,
        results=[ended(number, draw(outcomes)) for number in reported],
        lost=draw(st.sets(st.sampled_from(active))) if active else set(),
        busy_queues=draw(st.sets(st.sampled_from(["a", "b"]))),
        max_parallel=draw(st.integers(1, 4)),
        cancel_requested_by=draw(st.sampled_from(["", "ada"])),
        deadline=draw(st.sampled_from([None, NOW - timedelta(seconds=1), NOW + timedelta(hours=1)])),
    )


def after(before: Board, actions) -> list[OrderStatus]:
    states = list(before.statuses)
    for action in actions:
        match action:
            case End(number, status):
                states[number - 1] = status
            case Requeue(number):
                states[number - 1] = Q
            case Claim(number):
                states[number - 1] = D
    return states


@given(boards())
@settings(max_examples=200, deadline=None)
def test_each_order_is_acted_on_at_most_once_in_a_round(given_board):
    numbers = [action.number for action in decide(given_board, NOW).actions]
    assert len(numbers) == len(set(numbers))


@given(boards())
@settings(max_examples=200, deadline=None)
def test_what_has_ended_stays_as_it_is(given_board):
    touched = {action.number for action in decide(given_board, NOW).actions}
    assert not {number for number, status in enumerate(given_board.statuses, 1) if status.ended} & touched


@given(boards())
@settings(max_examples=200, deadline=None)
def test_claims_respect_dependencies_parallelism_and_queues(given_board):
    decision = decide(given_board, NOW)
    states = after(given_board, decision.actions)
    claims = [action.number for action in decision.actions if isinstance(action, Claim)]
    nodes = given_board.plan.nodes
    active = [number for number, status in enumerate(states, 1) if status in (D, R)]
    assert not claims or len(active) <= given_board.job.max_parallel
    for number in claims:
        assert all(states[each - 1].ended for each in nodes[number - 1].dependencies)
        same = [each for each in active if nodes[each - 1].queue_id == nodes[number - 1].queue_id is not None]
        assert same in ([], [number])
        assert nodes[number - 1].queue_id not in given_board.busy_queues


@given(boards())
@settings(max_examples=200, deadline=None)
def test_a_job_finishes_exactly_when_all_its_orders_have_ended(given_board):
    decision = decide(given_board, NOW)
    everything_ended = all(status.ended for status in after(given_board, decision.actions))
    assert bool(decision.finish) == everything_ended == (decision.look_at is None)


@given(boards())
@settings(max_examples=200, deadline=None)
def test_a_job_that_goes_on_always_has_something_running_or_a_time_to_look_again(given_board):
    decision = decide(given_board, NOW)
    states = after(given_board, decision.actions)
    if decision.finish is None:
        assert decision.look_at >= NOW
        stuck = not any(status in (D, R) for status in states)
        requeued = any(isinstance(action, Requeue) for action in decision.actions)
        assert not stuck or requeued or decision.blocked_queues


@given(boards())
@settings(max_examples=200, deadline=None)
def test_deciding_again_on_what_was_decided_changes_nothing_more(given_board):
    decision = decide(given_board, NOW)
    if any(isinstance(action, (Requeue, Stop)) for action in decision.actions):
        return
    states = after(given_board, decision.actions)
    orders = {
        number: given_board.orders.get(number) or an_order(number, status)
        for number, status in enumerate(states, 1)
        if status in (D, R)
    }
    settled = replace(given_board, statuses=states, orders=orders, results={}, lost=frozenset())
    again = [action for action in decide(settled, NOW).actions if not isinstance(action, Stop)]
    assert not again
