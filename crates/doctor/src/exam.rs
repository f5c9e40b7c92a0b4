//! One examination: what was found so far, and how a finding becomes a repair.

use std::path::Path;

use chiliview_store::{
    Error as StoreError, Store,
    data_dir::{DataDir, Presence},
};

use crate::{
    Context, Mode,
    aside::Aside,
    checks::Check,
    report::{Line, NewAdmin, Report, Status, Summary},
    says::{Advice, Found, Object, Repair, Said},
};

/// The state of an examination.
pub(crate) struct Exam<'a> {
    pub(crate) context: Context,
    pub(crate) mode: Mode,
    pub(crate) aside: Aside,
    pub(crate) new_admin: Option<NewAdmin>,
    lines: Vec<Line>,
    tell: &'a mut dyn FnMut(&Line),
    locked: bool,
    store: Option<Store>,
}

/// Something broken, before anybody tried to mend it.
pub(crate) struct Finding {
    pub(crate) check: Check,
    pub(crate) object: Subject,
    pub(crate) found: Found,
    /// What to do when the doctor cannot: the best way first.
    pub(crate) advice: Vec<Advice>,
}

/// What a line is about.
#[derive(Clone)]
pub(crate) enum Subject {
    /// Has a name, which is the same in every language.
    Named(String),
    /// Has none.
    Said(Object),
}

impl From<String> for Subject {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}

impl From<&Path> for Subject {
    fn from(path: &Path) -> Self {
        Self::Named(path.display().to_string())
    }
}

impl From<Object> for Subject {
    fn from(object: Object) -> Self {
        Self::Said(object)
    }
}

/// Why a repair was not made.
pub(crate) enum Cannot {
    /// Another process works in the data directory.
    InUse,
    /// It was tried.
    Failed(Repair),
}

impl From<StoreError> for Cannot {
    fn from(error: StoreError) -> Self {
        Self::Failed(Repair::Refused { error: format!("failed to {error}") })
    }
}

impl From<chiliview_snapshot::Error> for Cannot {
    fn from(error: chiliview_snapshot::Error) -> Self {
        Self::Failed(Repair::Refused { error: format!("failed to {error}") })
    }
}

impl From<std::io::Error> for Cannot {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(Repair::Failed { error: error.to_string() })
    }
}

impl From<sqlx::Error> for Cannot {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(Repair::Failed { error: error.to_string() })
    }
}

impl<'a> Exam<'a> {
    pub(crate) fn new(context: Context, mode: Mode, tell: &'a mut dyn FnMut(&Line)) -> Self {
        let aside = Aside::new(&context.settings.data_dir, context.clock.now());
        Self { context, mode, aside, new_admin: None, lines: Vec::new(), tell, locked: false, store: None }
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> DataDir {
        DataDir::new(&self.context.settings.data_dir)
    }

    /// Closes what was opened, and counts.
    pub(crate) async fn end(self) -> Report {
        if let Some(store) = &self.store {
            store.close().await;
        }
        let summary = Summary::of(&self.lines);
        Report { checks: self.lines, summary, locked: self.locked, new_admin: self.new_admin }
    }

    pub(crate) fn ok(&mut self, check: Check, object: impl Into<Subject>, found: Found) {
        self.line(check, object.into(), Status::Ok, found, None, Vec::new());
    }

    pub(crate) fn warn(&mut self, check: Check, object: impl Into<Subject>, found: Found, advice: Advice) {
        self.line(check, object.into(), Status::Warning, found, None, vec![advice]);
    }

    /// Broken, and beyond the doctor's means from the start.
    pub(crate) fn broken(&mut self, finding: Finding) {
        let status = if self.mode == Mode::Repair { Status::Unrepairable } else { Status::Problem };
        let Finding { check, object, found, advice } = finding;
        self.line(check, object, status, found, None, advice);
    }

    /// Broken, and to be mended by `repair`, which says what it did.
    pub(crate) async fn mend<F>(&mut self, finding: Finding, repair: F)
    where
        F: AsyncFnOnce(&mut Self) -> Result<Repair, Cannot>,
    {
        let Finding { check, object, found, advice } = finding;
        if self.mode == Mode::Look {
            return self.line(check, object, Status::Problem, found, None, vec![Advice::Repair]);
        }
        match repair(self).await {
            Ok(done) => self.line(check, object, Status::Repaired, found, Some(done), Vec::new()),
            Err(Cannot::InUse) => {
                self.locked = true;
                let advice = vec![Advice::StopAndRepair];
                self.line(check, object, Status::Problem, found, Some(Repair::InUse), advice);
            }
            Err(Cannot::Failed(why)) => self.line(check, object, Status::Unrepairable, found, Some(why), advice),
        }
    }

    fn line(
        &mut self,
        check: Check,
        object: Subject,
        status: Status,
        found: Found,
        repair: Option<Repair>,
        advice: Vec<Advice>,
    ) {
        let (name, object) = match object {
            Subject::Named(name) => (name, None),
            Subject::Said(object) => (object.to_string(), Some(object)),
        };
        let said = Said { object, found, repair, advice };
        let (message, advice) = (said.message(), said.advice());
        let line = Line { name: check.as_str(), object: name, status, message, advice, said: Some(said) };
        (self.tell)(&line);
        self.lines.push(line);
    }

    /// The data directory for the doctor alone. Opening the store meanwhile would wait for ever.
    pub(crate) async fn alone(&mut self) -> Result<Presence, Cannot> {
        if let Some(store) = self.store.take() {
            store.close().await;
        }
        self.data_dir().alone()?.ok_or(Cannot::InUse)
    }

    /// The store, for repairs that bear company. Opening it would make a missing central database anew, and hide the loss.
    pub(crate) async fn store(&mut self) -> Result<Store, StoreError> {
        let central = self.data_dir().central();
        if self.context.settings.database_url.is_none() && !central.exists() {
            return Err(StoreError::DatabaseMissing(central));
        }
        self.open().await
    }

    /// As [`Self::store`], and makes what is missing.
    pub(crate) async fn open(&mut self) -> Result<Store, StoreError> {
        if let Some(store) = &self.store {
            return Ok(store.clone());
        }
        let Context { settings, clock, ids, .. } = &self.context;
        let store = Store::open(settings, clock.clone(), *ids).await?;
        self.store = Some(store.clone());
        Ok(store)
    }
}
