//! What must be true of a disk whose power failed at some moment, whatever the moment.

use std::{collections::BTreeMap, path::Path};

use chiliview_store::{Clock, Database, Ids, Result, Settings, Store, TenantId};

use super::recording::{Recording, What};
use crate::support::sha256;

type Users = BTreeMap<String, i64>;

/// What is found, once opened.
struct Found {
    tenants: BTreeMap<String, Users>,
    verified: Vec<String>,
}

/// Opens what is left in `data`; the broken promises, one a line.
pub(super) async fn broken(data: &Path, recording: &Recording, cut: u64) -> Vec<String> {
    let found = match open(data).await {
        Ok(found) => found,
        Err(reason) => return vec![reason],
    };
    let mut broken = Vec::new();
    for fact in recording.facts.iter().filter(|fact| fact.known_at <= cut) {
        if !kept(&found, recording, cut, &fact.what) {
            broken.push(format!("acknowledged and lost: {:?}", fact.what));
        }
    }
    for restored in &recording.restores {
        let names = found.tenants.get(&restored.tenant).map(|users| users.keys().cloned().collect::<Vec<_>>());
        let names = names.unwrap_or_default();
        if restored.asked_at <= cut && cut < restored.done_at && names != restored.before && names != restored.after {
            broken.push(format!("a restore is neither old nor new: {names:?}"));
        }
        if restored.done_at <= cut && !restored.after.iter().all(|name| names.contains(name)) {
            broken.push(format!("a restore that was done is undone: {names:?}"));
        }
    }
    broken
}

/// Later facts about the same user go before earlier ones; what a restore took back, it answers for itself.
fn kept(found: &Found, recording: &Recording, cut: u64, what: &What) -> bool {
    let users = |tenant: &String| found.tenants.get(tenant);
    let replaced = |tenant: &String, username: &String| {
        let asked = recording.restores.iter().find(|restored| restored.tenant == *tenant);
        asked.is_some_and(|restored| restored.asked_at <= cut && restored.before.contains(username))
    };
    // Asked for, though the answer may not have been there yet.
    let removed = |tenant: &String, username: &String| {
        recording.facts.iter().any(|fact| match &fact.what {
            What::Gone { tenant: t, username: u } => t == tenant && u == username,
            _ => false,
        })
    };
    match what {
        What::Tenant { slug } => found.tenants.contains_key(slug),
        What::User { tenant, username } => {
            replaced(tenant, username)
                || removed(tenant, username)
                || users(tenant).is_some_and(|users| users.contains_key(username))
        }
        What::Renamed { tenant, username, version } => {
            users(tenant).and_then(|users| users.get(username)).is_some_and(|found| found >= version)
        }
        What::Gone { tenant, username } => users(tenant).is_some_and(|users| !users.contains_key(username)),
        What::Verified { backup } => found.verified.contains(backup),
    }
}

async fn open(data: &Path) -> std::result::Result<Found, String> {
    let store = Store::open(&Settings::sqlite(data), Clock::system(), Ids).await;
    let store = store.map_err(|error| format!("the central database does not open: {error}"))?;
    let found = look(&store, data).await;
    store.close().await;
    found
}

async fn look(store: &Store, data: &Path) -> std::result::Result<Found, String> {
    sound(store.central(), "the central database").await?;
    let rows: Result<Vec<(TenantId, String)>> =
        store.central().read(async |tx| tx.query("SELECT id, slug FROM tenants").fetch_all().await).await;
    let mut tenants = BTreeMap::new();
    for (id, slug) in rows.map_err(|error| error.to_string())? {
        let database = store.tenant(id).await.map_err(|error| format!("{slug} does not open: {error}"))?;
        sound(&database, &slug).await?;
        let users: Result<Vec<(String, i64)>> =
            database.read(async |tx| tx.query("SELECT username, version FROM users").fetch_all().await).await;
        tenants.insert(slug, users.map_err(|error| error.to_string())?.into_iter().collect());
    }
    Ok(Found { tenants, verified: verified(store, data).await? })
}

async fn sound(database: &Database, what: &str) -> std::result::Result<(), String> {
    let check = "SELECT quick_check FROM pragma_quick_check";
    let said: Result<(String,)> = database.read(async |tx| tx.query(check).fetch_one().await).await;
    match said {
        Ok((ok,)) if ok == "ok" => Ok(()),
        said => Err(format!("{what} is damaged: {said:?}")),
    }
}

/// A backup: its id, its tenant, the digest of its artefact, and which attempt made that.
type Row = (String, Option<String>, String, i64);

/// A backup that says so has its artefact, to the last bit.
async fn verified(store: &Store, data: &Path) -> std::result::Result<Vec<String>, String> {
    // One that is proven again counts meanwhile.
    let sql = "SELECT id, tenant_id, stored_sha256, artefact FROM backups
               WHERE status IN ('verified', 'verifying') AND verified_at IS NOT NULL AND deleted_at IS NULL";
    let rows: Result<Vec<Row>> = store.central().read(async |tx| tx.query(sql).fetch_all().await).await;
    let mut ids = Vec::new();
    for (id, tenant, digest, attempt) in rows.map_err(|error| error.to_string())? {
        let place = data.join("backups").join(tenant.as_deref().unwrap_or("central"));
        let stem = if attempt == 1 { id.clone() } else { format!("{id}.{attempt}") };
        let artefact = std::fs::read(place.join(format!("{stem}.db.zst"))).unwrap_or_default();
        if sha256(artefact) != digest || !place.join(format!("{stem}.manifest.json")).is_file() {
            return Err(format!("backup {id} is verified, and its artefact is not there whole"));
        }
        ids.push(id);
    }
    Ok(ids)
}
