"""A traffic generator: clients that buy numbers, poll, finish, cancel or forget, as real ones do."""

from canary.sim.traffic.plan import TrafficPlan
from canary.sim.traffic.report import Life, Recorder, TrafficReport
from canary.sim.traffic.run import run_traffic

__all__ = ["Life", "Recorder", "TrafficPlan", "TrafficReport", "run_traffic"]
