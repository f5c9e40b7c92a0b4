//! Recovery into PostgreSQL: the central database, and a whole platform out of its shelf, whichever engine that was filled from.

use std::path::{Path, PathBuf};

use chiliview_recover::{Context, Failure, Mode, Report, Wanted, rebuild, restore_central};
use chiliview_store::{
    Clock, Database, Ids, Settings, Store, TenantId,
    backups::{self, BackupStatus, Origin},
    postgres,
    queue::{self, Filter, JobStatus, NewJob, Work},
    tenants::{self, TenantStatus},
};

use crate::{
    engines::on_postgres,
    platform::{Listener, back_up, closed, context, get, put, slugs, tenant},
};

struct OnServer {
    settings: Settings,
}

impl OnServer {
    fn shelf(&self) -> PathBuf {
        self.settings.data_dir.join("shelf")
    }

    async fn store(&self) -> Store {
        Store::open(&self.settings, Clock::system(), Ids).await.unwrap()
    }

    fn context(&self) -> Context {
        Context { settings: self.settings.clone(), ..context(&self.settings.data_dir, &self.shelf()) }
    }

    async fn restore(&self, mode: Mode) -> Result<Report, Failure> {
        restore_central(self.context(), Wanted::Newest, mode, &mut Listener(true)).await
    }
}

async fn on_server(story: impl AsyncFn(OnServer)) {
    on_postgres(async |settings| {
        let settings = Settings { data_dir: settings.data_dir.join("data"), ..settings };
        story(OnServer { settings }).await;
    })
    .await;
}

async fn in_files(root: &Path) -> Store {
    Store::open(&Settings::sqlite(root), Clock::system(), Ids).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_central_database_goes_back_and_agrees_with_the_shelf_and_the_schemas() {
    on_server(async |here| {
        let store = here.store().await;
        let acme = tenant(&store, "acme").await;
        put(&store, acme, "before").await;
        let central = back_up(&store, &here.shelf(), None).await;
        let later = tenant(&store, "later").await;
        let of_later = back_up(&store, &here.shelf(), Some((later, "later"))).await;
        put(&store, acme, "after").await;
        let job = NewJob::new(Ids.next(), Work::Prune);
        store.central().write(async |tx| queue::enqueue(tx, &job).await).await.unwrap();
        assert!(matches!(here.restore(Mode::Do).await, Err(Failure::InUse(_))), "somebody works with it");
        closed(store).await;

        let tried = here.restore(Mode::Try).await.unwrap();
        assert_eq!((tried.summary.problems, tried.kept), (0, None));
        let store = here.store().await;
        assert_eq!(slugs(&store).await, ["acme", "later"]);
        closed(store).await;

        let report = here.restore(Mode::Do).await.unwrap();
        assert_eq!(report.summary.problems, 0, "{:#?}", report.checks);
        assert_eq!(report.databases.iter().map(|one| one.backup).collect::<Vec<_>>(), [central]);
        let store = here.store().await;
        assert_eq!(slugs(&store).await, ["acme", "later"]);
        let adopted = store.central().read(async |tx| tenants::find(tx, later).await).await.unwrap().unwrap();
        assert_eq!(adopted.status, TenantStatus::Suspended);
        assert_eq!(get(&store, acme).await.as_deref(), Some("after"), "tenants' databases are not touched");
        let found = store.central().read(async |tx| backups::find(tx, of_later).await).await.unwrap().unwrap();
        assert_eq!((found.status, found.origin), (BackupStatus::Verified, Origin::Recovered));
        let jobs = store.central().read(async |tx| queue::list(tx, &Filter::default(), 9).await).await.unwrap();
        let old = jobs.iter().find(|found| found.id == job.id).unwrap();
        assert_eq!(old.status, JobStatus::Cancelled, "what was under way does not go on");
        let Database::Postgres(schema) = store.central().clone() else { unreachable!("it is on PostgreSQL") };
        let kept = report.kept.unwrap().display().to_string();
        let kept = postgres::Schema::new(schema.pool().clone(), &kept);
        assert!(kept.exists().await.unwrap(), "what was there before is kept");
        closed(store).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_central_schema_comes_back_from_the_shelf_alone() {
    on_server(async |here| {
        let store = here.store().await;
        tenant(&store, "acme").await;
        back_up(&store, &here.shelf(), None).await;
        let Database::Postgres(schema) = store.central().clone() else { unreachable!("it is on PostgreSQL") };
        schema.drop_schema().await.unwrap();
        closed(store).await;
        let report = here.restore(Mode::Do).await.unwrap();
        assert_eq!((report.summary.problems, report.kept), (0, None), "{:#?}", report.checks);
        let store = here.store().await;
        assert_eq!(slugs(&store).await, ["acme"]);
        closed(store).await;
    })
    .await;
}

/// Two tenants with something in them, each backed up, and the central database last.
async fn filled(store: &Store, shelf: &Path) -> (TenantId, TenantId) {
    let (anna, bert) = (tenant(store, "anna").await, tenant(store, "bert").await);
    put(store, anna, "of anna").await;
    put(store, bert, "of bert").await;
    back_up(store, shelf, Some((anna, "anna"))).await;
    back_up(store, shelf, Some((bert, "bert"))).await;
    back_up(store, shelf, None).await;
    (anna, bert)
}

async fn is_whole(store: Store, (anna, bert): (TenantId, TenantId)) {
    assert_eq!(slugs(&store).await, ["anna", "bert"]);
    assert_eq!(get(&store, anna).await.as_deref(), Some("of anna"));
    assert_eq!(get(&store, bert).await.as_deref(), Some("of bert"));
    put(&store, anna, "it takes writes").await;
    closed(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_of_one_engine_is_rebuilt_on_either() {
    on_server(async |here| {
        // Out of files, into a server.
        let origin = here.settings.data_dir.join("origin");
        let store = in_files(&origin).await;
        let all = filled(&store, &here.shelf()).await;
        closed(store).await;
        let target = Settings { data_dir: here.settings.data_dir.join("local"), ..here.settings.clone() };
        let into_server = Context { settings: target.clone(), ..here.context() };
        let report = rebuild(into_server.clone(), Mode::Do, &mut Listener(true)).await.unwrap();
        assert_eq!(report.summary.problems, 0, "{:#?}", report.checks);
        is_whole(Store::open(&target, Clock::system(), Ids).await.unwrap(), all).await;
        let again = rebuild(into_server, Mode::Do, &mut Listener(true)).await.unwrap_err();
        assert!(again.to_string().contains("there is a platform in it already"), "{again}");

        // Out of the server, into files.
        let store = Store::open(&target, Clock::system(), Ids).await.unwrap();
        let shelf = here.shelf();
        put(&store, all.0, "of anna").await;
        for id in [(all.0, "anna"), (all.1, "bert")] {
            back_up(&store, &shelf, Some(id)).await;
        }
        back_up(&store, &shelf, None).await;
        closed(store).await;
        let files = here.settings.data_dir.join("files");
        let report = rebuild(context(&files, &shelf), Mode::Do, &mut Listener(true)).await.unwrap();
        assert_eq!(report.summary.problems, 0, "{:#?}", report.checks);
        is_whole(in_files(&files).await, all).await;
    })
    .await;
}
