//! What an installation decides about its jobs.

use std::time::Duration;

use chiliview_snapshot::{Identities, Recipients};

use crate::{examine::Installation, lookout::Lookout, tell::Telling};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The decisions.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long what retention removes lies in the trash.
    pub trash: Duration,
    /// What is not said by any policy.
    pub keeping: chiliview_agenda::Keeping,
    /// How people outside are told.
    pub telling: Telling,
    /// When it is too late or too full, and who hears that all is well.
    pub lookout: Lookout,
    /// How long a restore can be undone.
    pub undo_window: Duration,
    /// For whom every backup is encrypted, beside its tenant's own recipients; with none of both it is not encrypted.
    pub recipients: Recipients,
    /// What opens encrypted snapshots again: to prove them in full, to restore them, and to take in uploaded ones.
    pub identities: Identities,
    /// What the doctor looks at; without, his rounds fail and say so.
    pub installation: Option<Installation>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            trash: DAY * 30,
            keeping: chiliview_agenda::Keeping::default(),
            telling: Telling::default(),
            lookout: Lookout::default(),
            undo_window: DAY * 7,
            recipients: Recipients::none(),
            identities: Identities::none(),
            installation: None,
        }
    }
}
