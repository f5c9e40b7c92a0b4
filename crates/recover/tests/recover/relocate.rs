//! A platform that moves to PostgreSQL and back: every row is there, it can be cut off anywhere, and what stays behind is not
//! served by mistake.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

use chiliview_recover::{Failure, Mode, Report, relocate};
use chiliview_store::{
    Clock, Database, Ids, Settings, Store, TenantId,
    admins::{self, Admin, AdminRole},
    audit::{self, Actor, Event},
    data_dir::DataDir,
    keys,
    migrations::Kind,
    postgres,
    queue::{self, NewJob, Work},
    tenants,
    transfer::{self, Contents},
};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::{
    engines::on_postgres,
    platform::{Listener, closed, context, get, open, put, tenant},
};

/// Every row of a platform.
type Whole = BTreeMap<String, Contents>;

async fn whole(settings: &Settings) -> Whole {
    let store = Store::open(settings, Clock::system(), Ids).await.unwrap();
    let ids = store.central().read(async |tx| tenants::ids(tx, None, 100).await).await.unwrap();
    let mut all = Whole::new();
    let mut step = transfer::unheard;
    match store.central().clone() {
        Database::Postgres(schema) => {
            let contents = transfer::contents_of_schema(&schema, Kind::Central, &mut step).await.unwrap();
            all.insert("central".into(), contents);
            for (id, _) in ids {
                let Database::Postgres(schema) = store.tenant(id).await.unwrap() else { unreachable!("a schema") };
                let contents = transfer::contents_of_schema(&schema, Kind::Tenant, &mut step).await.unwrap();
                all.insert(id.to_string(), contents);
            }
            closed(store).await;
        }
        Database::Sqlite(_) => {
            let data_dir = store.data_dir().clone();
            closed(store).await;
            all.insert("central".into(), transfer::contents_of_file(&data_dir.central()).await.unwrap());
            for (id, _) in ids {
                let contents = transfer::contents_of_file(&data_dir.tenant_database(id)).await.unwrap();
                all.insert(id.to_string(), contents);
            }
        }
    }
    all
}

async fn jobs(settings: &Settings) -> usize {
    let store = Store::open(settings, Clock::system(), Ids).await.unwrap();
    let open = store.central().read(async |tx| queue::open_jobs(tx, None, 100).await).await.unwrap();
    closed(store).await;
    open.len()
}

/// Three tenants with something in them, an admin, keys, audit, and a job for later.
async fn platform(settings: &Settings) -> Vec<TenantId> {
    let store = Store::open(settings, Clock::system(), Ids).await.unwrap();
    let now = store.clock().now();
    let mut all = Vec::new();
    for slug in ["anna", "bert", "carl"] {
        let id = tenant(&store, slug).await;
        put(&store, id, &format!("of {slug}: ü \\ \t 'x'")).await;
        all.push(id);
    }
    let admin = Admin {
        id: Ids.next(),
        username: "admin".into(),
        email: None,
        display_name: "Ada".into(),
        role: AdminRole::Owner,
        password_hash: "x".into(),
        credential_version: 1,
        disabled_at: None,
        last_login_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let job =
        NewJob::new(Ids.next(), Work::PurgeTenant { tenant: all[0] }).at(now.plus(std::time::Duration::from_hours(99)));
    let written = store.central().write(async |tx| {
        admins::insert(tx, &admin).await?;
        queue::enqueue(tx, &job).await?;
        keys::find_or_insert(tx, "links", &[0, 255, 7], now).await?;
        let event = Event::done("test", "admin", admin.id);
        audit::record(tx, Ids.next(), now, &Actor::system("test", None), event).await
    });
    written.await.unwrap();
    closed(store).await;
    all
}

async fn moved(from: &Settings, to: &Settings, mode: Mode) -> Result<Report, Failure> {
    let context = chiliview_recover::Context { settings: from.clone(), ..context(&from.data_dir, &from.data_dir) };
    relocate(context, to.clone(), mode, &mut Listener(true)).await
}

fn on_files(root: &Path) -> Settings {
    Settings::sqlite(root)
}

fn on_server(settings: &Settings, root: &Path) -> Settings {
    Settings { data_dir: root.to_owned(), ..settings.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_goes_to_postgresql_and_back_and_every_row_is_the_same() {
    on_postgres(async |settings: Settings| {
        let (here, there) = (on_files(&settings.data_dir.join("a")), on_files(&settings.data_dir.join("b")));
        let server = on_server(&settings, &here.data_dir);
        let ids = platform(&here).await;
        let before = whole(&here).await;
        assert_eq!(before.len(), 4);

        let tried = moved(&here, &server, Mode::Try).await.unwrap();
        assert_eq!((tried.dry_run, tried.summary.problems), (true, 0));
        assert_eq!(whole(&here).await, before, "a dry run moves nothing");

        let report = moved(&here, &server, Mode::Do).await.unwrap();
        assert_eq!((report.summary.problems, report.checks.len()), (0, 4));
        assert_eq!((whole(&server).await, jobs(&server).await), (before.clone(), 1));
        let refused = Store::open(&here, Clock::system(), Ids).await.err().unwrap().to_string();
        assert!(refused.contains("was moved to PostgreSQL") && !refused.contains("chiliview@"), "{refused}");

        let store = Store::open(&server, Clock::system(), Ids).await.unwrap();
        put(&store, ids[1], "written there").await;
        closed(store).await;
        let then = whole(&server).await;
        let back = moved(&server, &there, Mode::Do).await.unwrap();
        assert_eq!(back.summary.problems, 0);
        assert_eq!((whole(&there).await, jobs(&there).await), (then, 1));
        let refused = Store::open(&server, Clock::system(), Ids).await.err().unwrap().to_string();
        assert!(refused.contains("this platform was moved to"), "{refused}");
        let store = open(&there.data_dir).await;
        assert_eq!(get(&store, ids[1]).await.as_deref(), Some("written there"));
        put(&store, ids[2], "it lives").await;
        closed(store).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_somebody_works_with_is_not_moved() {
    on_postgres(async |settings: Settings| {
        let here = on_files(&settings.data_dir.join("a"));
        let server = on_server(&settings, &settings.data_dir.join("s"));
        platform(&here).await;
        let store = open(&here.data_dir).await;
        assert!(matches!(moved(&here, &server, Mode::Do).await, Err(Failure::InUse(_))));
        closed(store).await;
        let other = Store::open(&server, Clock::system(), Ids).await.unwrap();
        assert!(matches!(moved(&here, &server, Mode::Do).await, Err(Failure::InUse(_))));
        closed(other).await;
        let occupied = moved(&here, &server, Mode::Do).await.unwrap_err();
        assert!(occupied.to_string().contains("there is a platform in it already"), "{occupied}");
        closed(open(&here.data_dir).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_cannot_be_moved_keeps_the_platform_where_it_is() {
    on_postgres(async |settings: Settings| {
        let here = on_files(&settings.data_dir.join("a"));
        let server = on_server(&settings, &here.data_dir);
        let ids = platform(&here).await;
        let path = DataDir::new(&here.data_dir).tenant_database(ids[1]);
        let kept = path.with_extension("kept");
        std::fs::rename(&path, &kept).unwrap();
        let refused = moved(&here, &server, Mode::Do).await.unwrap_err();
        assert!(refused.to_string().contains("bert"), "{refused}");
        closed(open(&here.data_dir).await).await;
        std::fs::rename(&kept, &path).unwrap();
        let store = open(&here.data_dir).await;
        put(&store, ids[0], "changed since").await;
        closed(store).await;
        let before = whole(&here).await;
        moved(&here, &server, Mode::Do).await.unwrap();
        assert_eq!(whole(&server).await, before, "what was over already is compared anew");
    })
    .await;
}

mod cut_off {
    use super::*;

    const FROM: &str = "CHILIVIEW_TEST_MOVE_FROM";
    const TO: &str = "CHILIVIEW_TEST_MOVE_TO";
    const DIE_AT: &str = "CHILIVIEW_TEST_DIE_AT";

    fn told(name: &str) -> Option<Settings> {
        let words = std::env::var(name).ok()?;
        let (root, url) = words.split_once('\n')?;
        let url = (!url.is_empty()).then(|| url.to_owned().into());
        Some(Settings { database_url: url, ..Settings::sqlite(root) })
    }

    fn telling(settings: &Settings) -> String {
        let url = settings.database_url.as_ref().map_or("", |url| url.expose_secret());
        format!("{}\n{url}", settings.data_dir.display())
    }

    /// In a process of its own, a move that dies where it is told to. Told by the environment; else nothing.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_move_that_dies() {
        let (Some(from), Some(to), Ok(point)) = (told(FROM), told(TO), std::env::var(DIE_AT)) else { return };
        let (name, times) = point.split_once('*').unwrap();
        let left = std::sync::atomic::AtomicUsize::new(times.parse().unwrap());
        fail::cfg_callback(name, move || {
            if left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1 {
                std::process::abort();
            }
        })
        .unwrap();
        moved(&from, &to, Mode::Do).await.unwrap();
    }

    fn die_at(from: &Settings, to: &Settings, point: &str) {
        let mut other = Command::new(std::env::current_exe().unwrap());
        other.args(["--exact", "relocate::cut_off::a_move_that_dies", "--nocapture"]);
        other.env(FROM, telling(from)).env(TO, telling(to)).env(DIE_AT, point);
        other.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(!other.status().unwrap().success(), "{point}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_move_that_is_cut_off_anywhere_goes_on_and_nothing_is_lost() {
        let points =
            ["recover.moved_tenant*1", "recover.moved_tenant*2", "store.central_loaded*1", "recover.moved_central*1"];
        for point in points {
            on_postgres(async |settings: Settings| {
                let (here, there) = (on_files(&settings.data_dir.join("a")), on_files(&settings.data_dir.join("b")));
                let server = on_server(&settings, &here.data_dir);
                platform(&here).await;
                let before = whole(&here).await;
                die_at(&here, &server, point);
                moved(&here, &server, Mode::Do).await.unwrap();
                assert_eq!((whole(&server).await, jobs(&server).await), (before.clone(), 1), "{point}");
                if point.starts_with("store") {
                    return;
                }
                die_at(&server, &there, point);
                let unfinished = Store::open(&there, Clock::system(), Ids).await.err().unwrap().to_string();
                assert!(unfinished.contains("is being moved here"), "{point}: {unfinished}");
                moved(&server, &there, Mode::Do).await.unwrap();
                assert_eq!((whole(&there).await, jobs(&there).await), (before, 1), "{point}");
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notes_tell_how_to_go_back_to_what_was_before() {
    on_postgres(async |settings: Settings| {
        let (here, there) = (on_files(&settings.data_dir.join("a")), on_files(&settings.data_dir.join("b")));
        let server = on_server(&settings, &here.data_dir);
        platform(&here).await;
        let before = whole(&here).await;
        moved(&here, &server, Mode::Do).await.unwrap();
        moved(&server, &there, Mode::Do).await.unwrap();
        std::fs::remove_file(DataDir::new(&here.data_dir).moved_out()).unwrap();
        assert_eq!(whole(&here).await, before);
        let url = server.database_url.clone().unwrap();
        let pool = postgres::connect(postgres::options(&url).unwrap(), 1).await.unwrap();
        pool.execute(AssertSqlSafe("COMMENT ON SCHEMA \"chiliview\" IS NULL".to_owned())).await.unwrap();
        assert_eq!(whole(&server).await, before);
    })
    .await;
}
