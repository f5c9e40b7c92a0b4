//! One recovery: what was told so far, and how a snapshot is chosen.

use std::{error::Error as _, path::PathBuf};

use chiliview_doctor::{Line, Status, Summary};
use chiliview_snapshot::{Depth, Error as SnapshotError, Shelf, Watch, prove};
use chiliview_store::{Timestamp, reason::Reason};

use crate::{
    Audience, Context, Failure, Mode,
    inventory::{Candidate, Choice},
    report::{Report, Restored},
};

/// The state of a recovery.
pub(crate) struct Work<'a> {
    pub(crate) context: Context,
    pub(crate) mode: Mode,
    pub(crate) audience: &'a mut dyn Audience,
    pub(crate) databases: Vec<Restored>,
    /// Where databases are unpacked to be looked at.
    pub(crate) scratch: PathBuf,
    lines: Vec<Line>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(context: Context, mode: Mode, scratch: PathBuf, audience: &'a mut dyn Audience) -> Self {
        Self { context, mode, audience, databases: Vec::new(), scratch, lines: Vec::new() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    pub(crate) fn ok(&mut self, name: &'static str, object: impl ToString, message: impl ToString) {
        self.line(name, object, Status::Ok, message, None);
    }

    pub(crate) fn warn(
        &mut self,
        name: &'static str,
        object: impl ToString,
        message: impl ToString,
        advice: impl Into<String>,
    ) {
        self.line(name, object, Status::Warning, message, Some(advice.into()));
    }

    /// Something is lost.
    pub(crate) fn problem(
        &mut self,
        name: &'static str,
        object: impl ToString,
        message: impl ToString,
        advice: impl Into<String>,
    ) {
        self.line(name, object, Status::Problem, message, Some(advice.into()));
    }

    /// Something was brought back.
    pub(crate) fn mended(&mut self, name: &'static str, object: impl ToString, message: impl ToString) {
        self.line(name, object, Status::Repaired, message, None);
    }

    fn line(
        &mut self,
        name: &'static str,
        object: impl ToString,
        status: Status,
        message: impl ToString,
        advice: Option<String>,
    ) {
        let line = Line { name, object: object.to_string(), status, message: message.to_string(), advice, said: None };
        self.audience.line(&line);
        self.lines.push(line);
    }

    pub(crate) fn report(self, kept: Option<PathBuf>) -> Report {
        let summary = Summary::of(&self.lines);
        Report { checks: self.lines, summary, databases: self.databases, kept, dry_run: self.mode == Mode::Try }
    }

    /// The first candidate that proves in full and that `accept` takes; what became of it. Those before it, and those that
    /// are none, are told of, each with its reason.
    pub(crate) async fn first<T, A>(
        &mut self,
        shelf: &Shelf,
        object: &str,
        choice: &Choice,
        mut accept: A,
    ) -> Result<Option<(Candidate, T)>, Failure>
    where
        A: AsyncFnMut(&mut Self, &Candidate) -> Result<Result<T, String>, Failure>,
    {
        for (key, reason) in &choice.unusable {
            let advice = "those whose manifest can be read are tried; what only this one holds is lost";
            self.problem("snapshot", object, format!("the snapshot {key} cannot be used: {reason}"), advice);
        }
        let candidates = &choice.candidates;
        for (tried, candidate) in candidates.iter().enumerate() {
            let refused = match self.proven(shelf, candidate).await? {
                Err(reason) => reason,
                Ok(()) => match accept(self, candidate).await? {
                    Err(reason) => reason,
                    Ok(taken) => {
                        self.restored(object, candidate, tried + choice.unusable_after(candidate));
                        return Ok(Some((candidate.clone(), taken)));
                    }
                },
            };
            let manifest = &candidate.manifest;
            let message = format!("the snapshot {} cannot be used: {refused}", candidate.key);
            let older = if tried + 1 < candidates.len() { "an older one is tried" } else { "it was the last one" };
            let taken = Timestamp::from(manifest.taken_at);
            self.problem("snapshot", object, message, format!("{older}; what was written until {taken} may be lost"));
        }
        Ok(None)
    }

    /// A refusal is about the snapshot; an error is about this machine.
    async fn proven(&self, shelf: &Shelf, one: &Candidate) -> Result<Result<(), String>, Failure> {
        let (identities, watch) = (&self.context.identities, Watch::unobserved());
        let proof = prove(shelf, &one.key, &one.manifest, Depth::Full, identities, &self.scratch, &watch).await;
        Ok(refusal(proof.map(drop))?.map_err(|reason| reason.words))
    }

    fn restored(&mut self, object: &str, candidate: &Candidate, passed_over: usize) {
        let restored = candidate.restored(self.now(), passed_over);
        let (backup, taken, age) = (restored.backup, restored.taken_at, age(restored.age_seconds));
        self.ok("database", object, format!("restored from backup {backup}, taken {taken}, {age} ago"));
        self.databases.push(restored);
    }
}

/// What is wrong with the snapshot itself, told apart from what is wrong with this machine.
pub(crate) fn refusal<T>(outcome: Result<T, SnapshotError>) -> Result<Result<T, Reason>, Failure> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error @ (SnapshotError::Damaged(_) | SnapshotError::NotFound(_) | SnapshotError::NoIdentity { .. })) => {
            Ok(Err(reason(&error)))
        }
        Err(error @ SnapshotError::Io { .. }) if is_unreadable(&error) => Ok(Err(reason(&error))),
        Err(error) => Err(error.into()),
    }
}

/// A bad sector or a missing right concerns one file.
fn is_unreadable(error: &SnapshotError) -> bool {
    matches!(error, SnapshotError::Io { action, .. } if matches!(*action, "read" | "open"))
}

/// Why a snapshot counts for nothing.
pub(crate) fn reason(error: &SnapshotError) -> Reason {
    Reason::new(error.cause(), chain(error))
}

/// Damage in few words, anything else with all of its causes.
fn chain(error: &SnapshotError) -> String {
    if let SnapshotError::Damaged(damage) = error {
        return damage.to_string();
    }
    let mut line = format!("failed to {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

/// `3 days`, `5 hours`, `12 minutes`, `7 seconds`.
fn age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "seconds"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}
