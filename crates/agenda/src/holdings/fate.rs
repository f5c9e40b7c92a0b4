//! The decision about each backup.

use std::collections::{BTreeMap, HashMap, HashSet};

use chiliview_policy::retention::{Point, Reason, plan};
use chiliview_store::{
    BackupId, Timestamp,
    backups::{BackupStatus, Held},
};

use super::{Fate, Governor, Holdings, Why};
use crate::Keeping;

impl Holdings {
    /// What becomes of each backup at a pruning `now`; the newest first.
    #[must_use]
    pub fn fates(&self, keeping: &Keeping, now: Timestamp) -> Vec<Fate> {
        let mut kept = self.by_policies(keeping, now);
        for row in &self.rows {
            kept.entry(row.id).or_default().extend(self.by_origin(row, keeping, now));
        }
        self.keep_newest_verified(&mut kept);
        self.keep_referenced(&mut kept);
        let mut rows: Vec<&Held> = self.rows.iter().collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.taken_at, row.id)));
        rows.into_iter().map(|row| Fate { held: row.clone(), keep: kept.remove(&row.id).unwrap_or_default() }).collect()
    }

    fn by_policies(&self, keeping: &Keeping, now: Timestamp) -> HashMap<BackupId, Vec<Why>> {
        let mut kept = HashMap::new();
        for (governor, points) in self.points() {
            let Some(rule) = self.rule(governor) else { continue };
            let applies_from = rule.changed_at.plus(keeping.grace);
            for decision in plan(&rule.policy, rule.zone, &points, now.to_datetime()) {
                let mut why: Vec<Why> = decision.keep.into_iter().map(Why::Policy).collect();
                if why.is_empty() && now < applies_from {
                    why.push(Why::Grace(applies_from));
                }
                kept.insert(decision.id.into(), why);
            }
        }
        kept
    }

    /// What each governor decides about.
    pub(super) fn points(&self) -> BTreeMap<Governor, Vec<Point>> {
        let countable = self.countable();
        let mut points = BTreeMap::<Governor, Vec<Point>>::new();
        for row in &self.rows {
            points.entry(self.governor(row)).or_default().push(point(row, countable.contains(&row.id)));
        }
        points
    }

    /// What can be restored from: verified ones, and those that are the same as a verified one. Not one that is being proven
    /// again, until it is known how that ends.
    fn countable(&self) -> HashSet<BackupId> {
        let verified = self.rows.iter().filter(|row| row.status == BackupStatus::Verified);
        let verified: HashSet<BackupId> = verified.map(|row| row.id).collect();
        let same = self.rows.iter().filter(|row| row.same_as.is_some_and(|id| verified.contains(&id)));
        let same: Vec<BackupId> = same.map(|row| row.id).collect();
        verified.into_iter().chain(same).collect()
    }

    /// What no policy decides about.
    fn by_origin(&self, row: &Held, keeping: &Keeping, now: Timestamp) -> Option<Why> {
        let why = match self.governor(row) {
            Governor::Own | Governor::Schedule(_) => return None,
            Governor::People => Why::ByHand,
            Governor::Nobody => Why::NoPolicy,
            Governor::Undo => {
                let until = undo_until(row, keeping);
                let pinned = row.pinned_at.map(|_| Why::Policy(Reason::Pinned));
                return Some(Why::Undo(until)).filter(|_| now < until).or(pinned);
            }
        };
        Some(why)
    }

    fn keep_newest_verified(&self, kept: &mut HashMap<BackupId, Vec<Why>>) {
        let countable = self.countable();
        let newest =
            self.rows.iter().filter(|row| countable.contains(&row.id)).max_by_key(|row| (row.taken_at, row.id));
        let Some(newest) = newest else { return };
        let why = kept.entry(newest.id).or_default();
        if !why.contains(&Why::Policy(Reason::NewestVerified)) {
            why.push(Why::Policy(Reason::NewestVerified));
        }
    }

    /// Across policies: the plan of one knows nothing of the others.
    fn keep_referenced(&self, kept: &mut HashMap<BackupId, Vec<Why>>) {
        for row in &self.rows {
            let Some(artefact) = row.same_as else { continue };
            if kept.get(&row.id).is_some_and(Vec::is_empty) {
                continue;
            }
            let why = kept.entry(artefact).or_default();
            if why.is_empty() {
                why.push(Why::Policy(Reason::ReferencedBy(row.id.uuid())));
            }
        }
    }
}

pub(super) fn undo_until(row: &Held, keeping: &Keeping) -> Timestamp {
    let window = row.finished_at.unwrap_or(row.taken_at).plus(keeping.safety);
    row.undo_until.map_or(window, |until| window.max(until))
}

fn point(row: &Held, countable: bool) -> Point {
    Point {
        id: row.id.uuid(),
        at: row.taken_at.to_datetime(),
        artefact: row.same_as.unwrap_or(row.id).uuid(),
        bytes: row.stored_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        pinned: row.pinned_at.is_some(),
        countable,
    }
}
