//! One examination: what was found so far, and how a finding becomes a repair.

use chiliview_store::{
    Error as StoreError, Store,
    data_dir::{DataDir, Presence},
};

use crate::{
    Context, Mode,
    aside::Aside,
    report::{Line, NewAdmin, Report, Status, Summary},
};

const REPAIR: &str = "run `chiliview doctor --repair`";
const STOP: &str = "stop the service and its workers, then run `chiliview doctor --repair` again";

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
    pub(crate) name: &'static str,
    pub(crate) object: String,
    pub(crate) message: String,
    /// What to do when the doctor cannot.
    pub(crate) advice: String,
}

/// Why a repair was not made.
pub(crate) enum Cannot {
    /// Another process works in the data directory.
    InUse,
    /// It was tried.
    Failed(String),
}

impl From<StoreError> for Cannot {
    fn from(error: StoreError) -> Self {
        Self::Failed(format!("failed to {error}"))
    }
}

impl From<chiliview_snapshot::Error> for Cannot {
    fn from(error: chiliview_snapshot::Error) -> Self {
        Self::Failed(format!("failed to {error}"))
    }
}

impl From<std::io::Error> for Cannot {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(format!("the repair failed: {error}"))
    }
}

impl From<sqlx::Error> for Cannot {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(format!("the repair failed: {error}"))
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

    /// Broken, and beyond the doctor's means from the start.
    pub(crate) fn broken(&mut self, finding: Finding) {
        let status = if self.mode == Mode::Repair { Status::Unrepairable } else { Status::Problem };
        self.line(finding.name, finding.object, status, finding.message, Some(finding.advice));
    }

    /// Broken, and to be mended by `repair`, whose words say what it did.
    pub(crate) async fn mend<F>(&mut self, finding: Finding, repair: F)
    where
        F: AsyncFnOnce(&mut Self) -> Result<String, Cannot>,
    {
        let Finding { name, object, message, advice } = finding;
        if self.mode == Mode::Look {
            return self.line(name, object, Status::Problem, message, Some(REPAIR.to_owned()));
        }
        match repair(self).await {
            Ok(done) => self.line(name, object, Status::Repaired, format!("{message}; {done}"), None),
            Err(Cannot::InUse) => {
                self.locked = true;
                let message = format!("{message}; not repaired, because another process works in the data directory");
                self.line(name, object, Status::Problem, message, Some(STOP.to_owned()));
            }
            Err(Cannot::Failed(why)) => {
                self.line(name, object, Status::Unrepairable, format!("{message}; {why}"), Some(advice));
            }
        }
    }

    fn line(
        &mut self,
        name: &'static str,
        object: impl ToString,
        status: Status,
        message: impl ToString,
        advice: Option<String>,
    ) {
        let line = Line { name, object: object.to_string(), status, message: message.to_string(), advice };
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
