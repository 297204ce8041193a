//! The registry with a description of all that is in it, from which the reference is made.

use std::{borrow::Cow, fmt, sync::OnceLock, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeMetric, text::encode},
    metrics::{MetricType, TypedMetric, counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::histogram::{Histogram, Scale};

/// Label names with their values.
pub(crate) type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// A gauge of fractions.
pub(crate) type Fraction = Gauge<f64, AtomicU64>;

/// What a metric is, for the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name, without the ending that its kind adds.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Described {
    /// The names under which its values are told.
    #[must_use]
    pub fn series(&self) -> Vec<String> {
        let endings: &[&str] = match self.kind {
            Kind::Counter => &["_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_count", "_sum"],
        };
        endings.iter().map(|ending| format!("{}{ending}", self.name)).collect()
    }
}

/// Metrics of one name, told apart by labels.
pub(crate) type Kin<M> = Family<Labels, M, fn() -> M>;

/// The same, looked up by place: a known place costs neither a lock nor text.
pub(crate) struct Grid<M: Clone> {
    kin: Kin<M>,
    slots: Box<[OnceLock<M>]>,
}

impl<M: Clone> Grid<M> {
    pub(super) fn new(kin: &Kin<M>, places: usize) -> Self {
        Self { kin: kin.clone(), slots: (0..places).map(|_| OnceLock::new()).collect() }
    }

    /// The metric at a place; `labels` are asked for the first time only.
    pub(super) fn at(&self, place: usize, labels: impl FnOnce() -> Labels) -> &M {
        self.slots[place].get_or_init(|| self.kin.get_or_create_owned(&labels()))
    }
}

impl<M: Clone> fmt::Debug for Grid<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grid({} places)", self.slots.len())
    }
}

/// All metrics, described.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    registry: Registry,
    described: Vec<Described>,
}

impl Catalog {
    pub(crate) fn counter(&mut self, name: &str, help: &'static str) -> Counter {
        self.add(name, &[], help, Counter::default())
    }

    pub(super) fn float_counter(&mut self, name: &str, help: &'static str) -> Counter<f64, AtomicU64> {
        self.add(name, &[], help, Counter::default())
    }

    pub(crate) fn gauge(&mut self, name: &str, help: &'static str) -> Gauge {
        self.add(name, &[], help, Gauge::default())
    }

    pub(super) fn fraction(&mut self, name: &str, help: &'static str) -> Fraction {
        self.add(name, &[], help, Fraction::default())
    }

    pub(crate) fn histogram(&mut self, name: &str, help: &'static str, scale: Scale) -> Histogram {
        self.add(name, &[], help, Histogram::new(scale))
    }

    pub(crate) fn kin<M>(
        &mut self,
        name: &str,
        labels: &'static [&'static str],
        help: &'static str,
        make: fn() -> M,
    ) -> Kin<M>
    where
        M: EncodeMetric + TypedMetric + Clone + Send + Sync + fmt::Debug + 'static,
    {
        self.add(name, labels, help, Kin::new_with_constructor(make))
    }

    fn add<M>(&mut self, name: &str, labels: &'static [&'static str], help: &'static str, metric: M) -> M
    where
        M: EncodeMetric + TypedMetric + Clone + Send + Sync + fmt::Debug + 'static,
    {
        let name = if name.starts_with("process_") { name.to_owned() } else { format!("courant_{name}") };
        let kind = match M::TYPE {
            MetricType::Counter => Kind::Counter,
            MetricType::Histogram => Kind::Histogram,
            MetricType::Gauge | MetricType::Info | MetricType::Unknown => Kind::Gauge,
        };
        self.registry.register(name.clone(), help, metric.clone());
        self.described.push(Described { name, kind, labels, help });
        metric
    }

    pub(super) fn described(&self) -> &[Described] {
        &self.described
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
