//! When backups will go, as far as can be said today.

use std::collections::HashMap;

use chiliview_policy::retention::{Outlook, Reason, preview};
use chiliview_store::{BackupId, Timestamp};

use super::{Governor, Holdings, Why, fate::undo_until};
use crate::Keeping;

/// So far it looks.
const DAYS: u32 = 62;

impl Holdings {
    /// When each backup that goes within the next two months goes, if the schedules' runs succeed until then.
    #[must_use]
    pub fn leaving(&self, keeping: &Keeping, now: Timestamp) -> HashMap<BackupId, Timestamp> {
        let mut leaving = HashMap::new();
        for (governor, points) in self.points() {
            let Some(rule) = self.rule(governor) else { continue };
            let from = now.max(rule.changed_at.plus(keeping.grace));
            let first_pruning = keeping.pruning_after(from).to_datetime();
            let outlook = Outlook { first_pruning, days: DAYS, timing: rule.timing.as_ref() };
            let gone = preview(&rule.policy, rule.zone, &points, now.to_datetime(), outlook);
            leaving.extend(gone.into_iter().map(|gone| (BackupId::from(gone.id), Timestamp::from(gone.goes_on))));
        }
        let safety = self.rows.iter().filter(|row| self.governor(row) == Governor::Undo && row.pinned_at.is_none());
        leaving.extend(safety.map(|row| (row.id, keeping.pruning_after(now.max(undo_until(row, keeping))))));
        self.leave_out_what_is_needed(&mut leaving, keeping, now);
        leaving
    }

    /// What another policy's backup refers to stays as long as that does, which cannot be said.
    fn leave_out_what_is_needed(&self, leaving: &mut HashMap<BackupId, Timestamp>, keeping: &Keeping, now: Timestamp) {
        for fate in self.fates(keeping, now) {
            let needed = fate.keep.iter().any(|why| matches!(why, Why::Policy(Reason::ReferencedBy(_))));
            let newest = fate.keep == [Why::Policy(Reason::NewestVerified)];
            let undone = self.governor(&fate.held) == Governor::Undo;
            if needed || (newest && undone) {
                leaving.remove(&fate.held.id);
            }
        }
    }
}
