//! What the predecessor failed at, tried out: a tenant with its database, a user and a session are stored, read back on a
//! new connection, and taken away; what is rolled back is gone.
//!
//! In a directory of its own on the same disk, so that nobody sees it. With leave to repair, a transaction on the real
//! central database too, which is always rolled back.

use std::{collections::BTreeMap, path::Path};

use chiliview_store::{
    Database, Error, Result, Settings, Store, TenantId, Timestamp, Tx, UserId,
    json_text::JsonText,
    sessions::{self, Session},
    tenants::{self, Tenant, TenantStatus},
    users::{self, User, UserRole, UserStatus},
};

use crate::{
    Mode,
    central::Central,
    checks::Check,
    database::words,
    exam::{Exam, Finding},
    says::{Advice, Found, Object},
};

const TOKEN: &[u8] = &[7; 32];

pub(crate) async fn check(exam: &mut Exam<'_>, central: Option<&Central>) {
    let temp = exam.data_dir().temp();
    let made = tempfile::Builder::new().prefix("doctor-").tempdir_in(&temp).or_else(|_| tempfile::tempdir());
    let outcome = match &made {
        Ok(directory) => stored_and_found(exam, directory.path()).await,
        Err(error) => Err(Found::Failed { error: error.to_string() }),
    };
    say(exam, Object::OwnDirectory, outcome);
    if central.is_some() && exam.mode == Mode::Repair {
        let outcome = match exam.store().await {
            Ok(store) => rolled_back(store.central(), store.ids().next()).await,
            Err(error) => Err(failed(&error)),
        };
        say(exam, Object::CentralTransaction, outcome);
    }
}

fn say(exam: &mut Exam<'_>, object: Object, outcome: Result<Found, Found>) {
    let check = Check::SelfTest;
    match outcome {
        Ok(found) => exam.ok(check, object, found),
        Err(found) => exam.broken(Finding { check, object: object.into(), found, advice: vec![Advice::Distrust] }),
    }
}

fn failed(error: &Error) -> Found {
    Found::Failed { error: words(error) }
}

async fn stored_and_found(exam: &Exam<'_>, directory: &Path) -> Result<Found, Found> {
    let settings = Settings { allow_network_file_system: true, ..Settings::sqlite(directory) };
    let open = async || Store::open(&settings, exam.context.clock.clone(), exam.context.ids).await;
    let story = async {
        let store = open().await?;
        let (tenant, user) = (store.ids().next(), store.ids().next());
        store_all(&store, tenant, user).await?;
        store.close().await;
        let store = open().await?;
        let found = find_all(&store, tenant, user).await?;
        let undone = rolled_back(store.central(), store.ids().next()).await;
        store.remove_tenant_database(tenant).await?;
        let gone = store.central().write(async |tx| remove(tx, tenant).await).await?;
        let left = store.tenant_database_exists(tenant).await?;
        store.close().await;
        Ok::<_, Error>((found, undone, gone && !left))
    };
    match story.await {
        Ok((false, _, _)) => Err(Found::NotStored),
        Ok((_, Err(found), _)) => Err(found),
        Ok((_, _, false)) => Err(Found::NotDeleted),
        Ok((true, Ok(_), true)) => Ok(Found::Stored),
        Err(error) => Err(failed(&error)),
    }
}

async fn store_all(store: &Store, tenant: TenantId, user: UserId) -> Result<()> {
    store.create_tenant_database(tenant).await?;
    let now = store.clock().now();
    store
        .central()
        .write(async |tx| {
            tenants::insert(tx, &a_tenant(tenant)).await?;
            let session = Session {
                id: store.ids().next(),
                admin_id: None,
                tenant_id: Some(tenant),
                user_id: Some(user),
                credential_version: 1,
                address: "127.0.0.1".to_owned(),
                user_agent: "doctor".to_owned(),
                created_at: now,
                last_seen_at: now,
                expires_at: now,
            };
            sessions::insert(tx, &session, TOKEN).await
        })
        .await?;
    store.tenant(tenant).await?.write(async |tx| users::insert(tx, &a_user(user)).await).await
}

async fn find_all(store: &Store, tenant: TenantId, user: UserId) -> Result<bool> {
    let central = store.central().read(async |tx| {
        let session = sessions::find_by_token(tx, TOKEN).await?;
        Ok::<_, Error>(tenants::find(tx, tenant).await?.is_some() && session.is_some())
    });
    let user = store.tenant(tenant).await?.read(async |tx| users::find(tx, user).await).await?;
    Ok(central.await? && user.is_some())
}

async fn remove(tx: &mut Tx, tenant: TenantId) -> Result<bool> {
    let Some(mut row) = tenants::find(tx, tenant).await? else { return Ok(false) };
    row.deleted_at = Some(row.created_at);
    tenants::update(tx, &row).await?;
    tenants::purge(tx, tenant).await?;
    Ok(tenants::find(tx, tenant).await?.is_none() && sessions::find_by_token(tx, TOKEN).await?.is_none())
}

/// Inserts a tenant, sees it inside the transaction, and never outside of it.
async fn rolled_back(central: &Database, tenant: TenantId) -> Result<Found, Found> {
    enum Undo {
        AfterSeeing(bool),
        Failed(Error),
    }
    impl From<Error> for Undo {
        fn from(error: Error) -> Self {
            Self::Failed(error)
        }
    }
    let attempt = central.write(async |tx| {
        tenants::insert(tx, &a_tenant(tenant)).await?;
        Err::<(), _>(Undo::AfterSeeing(tenants::find(tx, tenant).await?.is_some()))
    });
    match attempt.await {
        Err(Undo::AfterSeeing(true)) => {}
        Err(Undo::Failed(error)) => return Err(failed(&error)),
        _ => return Err(Found::NotInserted),
    }
    match central.read(async |tx| tenants::find(tx, tenant).await).await {
        Ok(None) => Ok(Found::RolledBack),
        Ok(Some(_)) => Err(Found::NotRolledBack),
        Err(error) => Err(failed(&error)),
    }
}

fn a_tenant(id: TenantId) -> Tenant {
    let at = Timestamp::default();
    Tenant {
        id,
        slug: format!("doctor-{}", id.uuid().simple()),
        name: "Self-test".to_owned(),
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        notes: String::new(),
        tags: JsonText(Vec::new()),
        metadata: JsonText(BTreeMap::new()),
        quota_users: None,
        quota_bytes: None,
        quota_backups: None,
        status: TenantStatus::Suspended,
        status_reason: None,
        delete_protection: 0,
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

fn a_user(id: UserId) -> User {
    let at = Timestamp::default();
    User {
        id,
        username: "doctor".to_owned(),
        email: "doctor@example.invalid".to_owned(),
        given_name: None,
        family_name: None,
        display_name: "Doctor".to_owned(),
        role: UserRole::Member,
        status: UserStatus::Disabled,
        password_hash: None,
        credential_version: 1,
        last_login_at: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}
