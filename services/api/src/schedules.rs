//! Schedules over HTTP: make, change, pause. What they did is in `schedule_runs.rs`.

mod rules;
mod shapes;

use chiliview_agenda::next_after;
use chiliview_store::{
    ScheduleId, Tx,
    audit::{self, Event},
    schedules::{self as rows, Schedule},
};
use poem::Request;
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};
use uuid::Uuid;

pub use self::shapes::{NewSchedule, ScheduleInfo, SchedulePatch, TimingPreview, TimingRequest};
use self::{
    rules::{name_taken, new_schedule, patched, timing_of},
    shapes::{Beside, language, previewed, show, show_beside},
};
use crate::{
    app::App,
    caller::{Caller, Identity},
    etag::{Tagged, check_if_match, etag},
    json::{Created, Json, NoContent},
    once::{First, Once},
    paging::{self, List},
    problem::Problem,
    words::{Language, Order, ScheduleSort},
};

/// The resource.
pub struct Schedules {
    app: App,
}

#[OpenApi]
impl Schedules {
    /// Create a schedule
    ///
    /// A tenant's managers make schedules for their own tenant: ten at the most, and each due once an hour at the most.
    #[oai(path = "/schedules", method = "post", operation_id = "create_schedule")]
    async fn create(
        &self,
        caller: Caller,
        request: &Request,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        /// The language of `text`; by Accept-Language when absent.
        lang: Query<Option<Language>>,
        input: Json<NewSchedule>,
    ) -> Result<Created<ScheduleInfo>, Problem> {
        caller.require_manager_change()?;
        let once = Once::new(&caller, key.0, "create_schedule", &input.0)?;
        let app = &self.app;
        let (now, language) = (app.now(), language(lang.0, request));
        let first = app
            .central()
            .write(async |tx| {
                if let Some(first) = once.before(tx).await? {
                    return Ok::<_, Problem>(first);
                }
                let row = new_schedule(tx, &caller, input.0, app.store().ids().next(), now).await?;
                rows::insert(tx, &row).await.map_err(name_taken)?;
                let event = Event::done("schedule.create", "schedule", row.id).changing(audit::creation(&row));
                app.audit(tx, &caller, event).await?;
                let location = format!("/api/schedules/{}", row.id);
                let first = First { location, body: show(tx, row, language, now).await? };
                once.remember(tx, &first, now).await?;
                Ok(first)
            })
            .await?;
        Ok(Created { etag: Some(etag(first.body.version)), location: first.location, body: first.body })
    }

    /// List schedules
    ///
    /// A tenant's managers see their own tenant's; the platform's are not shown to them.
    #[oai(path = "/schedules", method = "get", operation_id = "list_schedules")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        request: &Request,
        limit: Query<Option<u32>>,
        after: Query<Option<String>>,
        /// Only this tenant's own; by id or slug.
        tenant: Query<Option<String>>,
        /// Words in the name, the tag, the tenant's slug.
        q: Query<Option<String>>,
        /// By what it is sorted; by when they were made when absent.
        sort: Query<Option<ScheduleSort>>,
        lang: Query<Option<Language>>,
        order: Query<Option<Order>>,
    ) -> Result<Json<List<ScheduleInfo>>, Problem> {
        caller.require_manager_read()?;
        let page = paging::page(limit.0, after.0.as_deref(), order.0.unwrap_or_default())?;
        let tenant = self.app.confined(&caller, tenant.0.as_deref()).await?;
        let filter = rows::Filter { tenant, q: paging::search(q.0)? };
        let sort = sort.0.unwrap_or(ScheduleSort::Created).into();
        let (now, language) = (self.app.now(), language(lang.0, request));
        let shown = self.app.central().read(async |tx| {
            let found = rows::list(tx, &filter, sort, &page).await?;
            let beside = Beside::of(tx, &found).await?;
            let keyed = |row| Ok((rows::ScheduleSort::key(sort, &row), show_beside(row, &beside, language, now)?));
            found.into_iter().map(keyed).collect::<Result<Vec<_>, Problem>>()
        });
        let key = |(key, info): &(String, ScheduleInfo)| (key.clone(), info.id.to_string());
        Ok(Json(paging::list(shown.await?, &page, key, |(_, info)| info)))
    }

    /// Say when a schedule would run, without making one
    #[oai(path = "/schedules/preview", method = "post", operation_id = "preview_schedule")]
    async fn preview(&self, caller: Caller, input: Json<TimingRequest>) -> Result<Json<TimingPreview>, Problem> {
        caller.require_manager_read()?;
        let timing = timing_of(&input.cron, input.time_zone.as_deref()).map_err(Problem::validation)?;
        Ok(Json(previewed(&timing, self.app.now())))
    }

    /// Read a schedule
    #[oai(path = "/schedules/:schedule", method = "get", operation_id = "get_schedule")]
    async fn get(
        &self,
        caller: Caller,
        request: &Request,
        schedule: Path<Uuid>,
        lang: Query<Option<Language>>,
    ) -> Result<Tagged<ScheduleInfo>, Problem> {
        let (now, language) = (self.app.now(), language(lang.0, request));
        let shown = self.app.central().read(async |tx| {
            let row = found(tx, &caller, schedule.0).await?;
            show(tx, row, language, now).await
        });
        Ok(tagged(shown.await?))
    }

    /// Change a schedule
    ///
    /// A change of its retention or time zone removes nothing at once: it is applied after a day. Deletes no backup.
    #[oai(path = "/schedules/:schedule", method = "patch", operation_id = "update_schedule")]
    async fn update(
        &self,
        caller: Caller,
        request: &Request,
        schedule: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        lang: Query<Option<Language>>,
        input: Json<SchedulePatch>,
    ) -> Result<Tagged<ScheduleInfo>, Problem> {
        let app = &self.app;
        let (now, language) = (app.now(), language(lang.0, request));
        let shown = app.central().write(async |tx| {
            let before = changeable(tx, &caller, schedule.0).await?;
            check_if_match(if_match.0.as_deref(), before.version)?;
            let after = patched(tx, &caller, before.clone(), input.0, now).await?;
            self.store(tx, &caller, "schedule.update", &before, after, language).await
        });
        Ok(tagged(shown.await?))
    }

    /// Delete a schedule
    ///
    /// Its runs go with it. The backups that it made stay until somebody deletes them, or their tenant has a retention of
    /// its own.
    #[oai(path = "/schedules/:schedule", method = "delete", operation_id = "delete_schedule")]
    async fn delete(
        &self,
        caller: Caller,
        schedule: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<NoContent, Problem> {
        let app = &self.app;
        app.central()
            .write(async |tx| {
                let row = changeable(tx, &caller, schedule.0).await?;
                check_if_match(if_match.0.as_deref(), row.version)?;
                rows::delete(tx, row.id).await?;
                app.audit(tx, &caller, Event::done("schedule.delete", "schedule", row.id)).await
            })
            .await?;
        Ok(NoContent)
    }

    /// Pause a schedule
    ///
    /// It does not fire until it is resumed; somebody may still run it.
    #[oai(path = "/schedules/:schedule/pause", method = "post", operation_id = "pause_schedule")]
    async fn pause(
        &self,
        caller: Caller,
        request: &Request,
        schedule: Path<Uuid>,
    ) -> Result<Tagged<ScheduleInfo>, Problem> {
        let (now, language) = (self.app.now(), language(None, request));
        let shown = self.app.central().write(async |tx| {
            let before = changeable(tx, &caller, schedule.0).await?;
            if before.paused_at.is_some() {
                return show(tx, before, language, now).await;
            }
            let after = Schedule { paused_at: Some(now), updated_at: now, ..before.clone() };
            self.store(tx, &caller, "schedule.pause", &before, after, language).await
        });
        Ok(tagged(shown.await?))
    }

    /// Resume a schedule
    ///
    /// What it missed while it was paused is not made up for.
    #[oai(path = "/schedules/:schedule/resume", method = "post", operation_id = "resume_schedule")]
    async fn resume(
        &self,
        caller: Caller,
        request: &Request,
        schedule: Path<Uuid>,
    ) -> Result<Tagged<ScheduleInfo>, Problem> {
        let (now, language) = (self.app.now(), language(None, request));
        let shown = self.app.central().write(async |tx| {
            let before = changeable(tx, &caller, schedule.0).await?;
            if before.paused_at.is_none() {
                return show(tx, before, language, now).await;
            }
            let next_at = chiliview_agenda::timing(&before).ok().map(|timing| next_after(&timing, now));
            let after = Schedule { paused_at: None, next_at, updated_at: now, ..before.clone() };
            self.store(tx, &caller, "schedule.resume", &before, after, language).await
        });
        Ok(tagged(shown.await?))
    }
}

impl Schedules {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// Writes the change and its line in the audit log.
    async fn store(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        action: &'static str,
        before: &Schedule,
        after: Schedule,
        language: Language,
    ) -> Result<ScheduleInfo, Problem> {
        rows::update(tx, &after).await.map_err(name_taken)?;
        let event = Event::done(action, "schedule", after.id).changing(audit::difference(before, &after));
        self.app.audit(tx, caller, event).await?;
        show(tx, Schedule { version: before.version + 1, ..after }, language, self.app.now()).await
    }
}

fn tagged(info: ScheduleInfo) -> Tagged<ScheduleInfo> {
    Tagged { version: info.version, body: info }
}

/// A schedule that the caller may see; everything foreign is a 404, the platform's own too.
pub(crate) async fn found(tx: &mut Tx, caller: &Caller, id: Uuid) -> Result<Schedule, Problem> {
    caller.require_manager_read()?;
    let row = rows::find(tx, ScheduleId::from(id)).await?;
    row.filter(|row| sees(caller, row)).ok_or_else(|| Problem::not_found("schedule"))
}

pub(crate) async fn changeable(tx: &mut Tx, caller: &Caller, id: Uuid) -> Result<Schedule, Problem> {
    let row = found(tx, caller, id).await?;
    caller.require_manager_change()?;
    Ok(row)
}

pub(crate) fn sees(caller: &Caller, row: &Schedule) -> bool {
    match &caller.identity {
        Identity::Admin { .. } => true,
        Identity::User { tenant, .. } => row.tenant_id == Some(tenant.id),
    }
}
