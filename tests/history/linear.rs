//! Whether a history of one row is linearizable: whether its operations can be put in an order that respects time (what had
//! ended before another began goes before it) and in which each saw what those before it left (Wing and Gong, 1993).

use std::{collections::HashSet, time::Duration};

/// A row: its version, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) version: i64,
    pub(super) value: String,
}

/// What a client did, and what it was told.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// It read this.
    Read(Row),
    /// It changed a row of version `expected`.
    Swap { expected: i64, value: String, outcome: Outcome },
}

/// How a change ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The row has this version now.
    Done(i64),
    /// 412.
    Refused,
    /// The connection broke: it may have been done, then or any time later, or never.
    Unknown,
}

/// An action in time. One whose end nobody saw has none.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) called: Duration,
    pub(super) returned: Option<Duration>,
    pub(super) action: Action,
}

impl Action {
    /// What the row is afterwards, if it can have been so.
    fn on(&self, row: &Row) -> Option<Row> {
        match self {
            Self::Read(read) => (read == row).then(|| row.clone()),
            Self::Swap { expected, outcome: Outcome::Refused, .. } => (*expected != row.version).then(|| row.clone()),
            Self::Swap { expected, value, outcome } => {
                let after = Row { version: row.version + 1, value: value.clone() };
                let told = *outcome == Outcome::Unknown || *outcome == Outcome::Done(after.version);
                (*expected == row.version && told).then_some(after)
            }
        }
    }
}

/// Whether there is such an order, beginning with `row`.
pub(super) fn linearizable(row: &Row, operations: &[Operation]) -> bool {
    let mut search = Search { operations, done: vec![false; operations.len()], seen: HashSet::new() };
    search.from(row)
}

struct Search<'a> {
    operations: &'a [Operation],
    done: Vec<bool>,
    /// Where the search was already, in vain.
    seen: HashSet<(Vec<bool>, Row)>,
}

impl Search<'_> {
    fn from(&mut self, row: &Row) -> bool {
        let open =
            || self.operations.iter().zip(&self.done).filter(|(_, done)| !**done).map(|(operation, _)| operation);
        let Some(horizon) = open().filter_map(|operation| operation.returned).min() else { return true };
        for next in 0..self.operations.len() {
            let operation = &self.operations[next];
            if self.done[next] || operation.called > horizon {
                continue;
            }
            let Some(after) = operation.action.on(row) else { continue };
            self.done[next] = true;
            if self.seen.insert((self.done.clone(), after.clone())) && self.from(&after) {
                return true;
            }
            self.done[next] = false;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: i64, value: &str) -> Row {
        Row { version, value: value.into() }
    }

    fn operation(called: u64, returned: Option<u64>, action: Action) -> Operation {
        Operation { called: Duration::from_secs(called), returned: returned.map(Duration::from_secs), action }
    }

    fn swap(expected: i64, value: &str, outcome: Outcome) -> Action {
        Action::Swap { expected, value: value.into(), outcome }
    }

    #[test]
    fn what_overlaps_may_be_told_in_any_order() {
        let history = [
            operation(0, Some(10), swap(1, "a", Outcome::Done(2))),
            operation(1, Some(9), Action::Read(row(1, ""))),
            operation(2, Some(8), Action::Read(row(2, "a"))),
            operation(3, Some(4), swap(1, "b", Outcome::Refused)),
        ];
        assert!(linearizable(&row(1, ""), &history));
    }

    #[test]
    fn a_stale_read_is_found() {
        let history =
            [operation(0, Some(1), swap(1, "a", Outcome::Done(2))), operation(2, Some(3), Action::Read(row(1, "")))];
        assert!(!linearizable(&row(1, ""), &history));
    }

    #[test]
    fn a_lost_update_is_found() {
        let history = [
            operation(0, Some(5), swap(1, "a", Outcome::Done(2))),
            operation(1, Some(4), swap(1, "b", Outcome::Done(2))),
        ];
        assert!(!linearizable(&row(1, ""), &history));
    }

    #[test]
    fn a_change_that_is_there_and_gone_again_is_found() {
        let history = [
            operation(0, None, swap(1, "a", Outcome::Unknown)),
            operation(1, Some(2), Action::Read(row(2, "a"))),
            operation(3, Some(4), Action::Read(row(1, ""))),
        ];
        assert!(!linearizable(&row(1, ""), &history));
    }

    #[test]
    fn a_change_whose_answer_was_lost_may_have_happened_or_not() {
        let unknown = operation(0, None, swap(1, "a", Outcome::Unknown));
        let read = |version, value| operation(2, Some(3), Action::Read(row(version, value)));
        assert!(linearizable(&row(1, ""), &[unknown.clone(), read(1, "")]));
        assert!(linearizable(&row(1, ""), &[unknown, read(2, "a")]));
    }
}
