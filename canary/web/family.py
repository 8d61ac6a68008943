"""What a metric is made of: name, type, labels, meaning, and where its samples come from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

type Samples = Iterable[tuple[tuple[str, ...], float | None]]


@dataclass(frozen=True, slots=True)
class Family[T]:
    """One metric. ``samples`` gives label values with a value each; ``None`` leaves the sample out."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    meaning: str
    samples: Callable[[T], Samples]

    def collect(self, facts: T | None) -> Metric:
        """The family for one scrape; without facts it has no samples."""
        family = _METRICS[self.kind](self.name, self.meaning, labels=self.labels)
        for labels, value in self.samples(facts) if facts is not None else ():
            if value is not None:
                family.add_metric(labels, value)
        return family


_METRICS: Mapping[str, Callable[..., CounterMetricFamily | GaugeMetricFamily]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


def one(value: Callable[[Any], float | None]) -> Callable[[Any], Samples]:
    """A metric of a single sample without labels."""
    return lambda facts: [((), value(facts))]
