//! Tenants against their databases: one without a row is adopted, a row without one is told of.

use std::collections::HashMap;

use chiliview_doctor::condition::{Condition, Schema};
use chiliview_snapshot::Shelf;
use chiliview_store::{
    Error, Store, TenantId,
    audit::{self, Actor, Event},
    backups,
    json_text::JsonText,
    recovery,
    tenants::{self, Tenant, TenantStatus},
};
use uuid::Uuid;

use super::WHO;
use crate::{
    Failure,
    homes::Homes,
    inventory::{Inventory, slug},
    work::Work,
};

const NAME: &str = "tenant";
const PAGE: i64 = 500;
/// RFC 1035's longest label, which is also a slug's greatest length.
const LONGEST_SLUG: usize = 63;

pub(super) async fn agree(
    work: &mut Work<'_>,
    store: &Store,
    homes: &Homes,
    shelf: &Shelf,
    inventory: &Inventory,
) -> Result<(), Failure> {
    let (mut after, mut well) = (None, 0_usize);
    loop {
        let page = store.central().read(async |tx| tenants::ids(tx, after, PAGE).await).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (id, slug) in page {
            well += usize::from(row(work, store, homes, id, &slug).await?);
        }
    }
    work.ok(NAME, "tenants", format!("{well} have their databases"));
    for id in strays(store, homes).await? {
        adopt(work, store, homes, shelf, inventory, id).await?;
    }
    Ok(())
}

/// Whether a tenant has its database.
async fn row(work: &mut Work<'_>, store: &Store, homes: &Homes, id: TenantId, slug: &str) -> Result<bool, Failure> {
    let Some(tenant) = store.central().read(async |tx| tenants::find(tx, id).await).await? else { return Ok(true) };
    let there = homes.holds(id).await?;
    if tenant.deleted_at.is_some() {
        // One that is gone was purged after that moment: then its row may go when its time comes.
        let until = if there { work.now().plus(work.context.trash) } else { work.now() };
        let job = store.ids().next();
        store.central().write(async |tx| recovery::keep_tenant(tx, job, id, until).await).await?;
        let advice = "see whether somebody had taken it out of the trash";
        match there {
            true => work.warn(NAME, slug, format!("it is in the trash, and is kept there until {until}"), advice),
            false => work.ok(NAME, slug, "it is in the trash, and its database was removed for good since"),
        }
        return Ok(there);
    }
    if !there {
        let newest = store.central().read(async |tx| backups::newest_verified(tx, Some(id)).await).await?;
        let advice = match newest {
            Some(backup) => format!("restore its newest verified backup, {} of {}", backup.id, backup.created_at),
            None => "there is no verified backup of it".to_owned(),
        };
        work.problem(NAME, slug, format!("its database is missing ({id})"), advice);
    }
    Ok(there)
}

/// Databases that no row knows.
async fn strays(store: &Store, homes: &Homes) -> Result<Vec<TenantId>, Failure> {
    let mut strays = Vec::new();
    for id in homes.all().await? {
        if store.central().read(async |tx| tenants::find(tx, id).await).await?.is_none() {
            strays.push(id);
        }
    }
    Ok(strays)
}

/// Gives a database its row back; nobody gets in before an operator has looked at it.
async fn adopt(
    work: &mut Work<'_>,
    store: &Store,
    homes: &Homes,
    shelf: &Shelf,
    inventory: &Inventory,
    id: TenantId,
) -> Result<(), Failure> {
    let reason = match unusable(homes.look(id).await, id) {
        Ok(None) => "its row was lost with the central database; adopted by a restore".to_owned(),
        Ok(Some(damage)) => {
            let advice = "look at it, and restore a backup of it";
            work.problem(NAME, id, format!("its database, which no row knew, is damaged: {damage}"), advice);
            format!("adopted by a restore, and its database is damaged: {damage}")
        }
        Err(fault) => {
            let advice = "look what it is, and move it out of the way";
            work.problem(NAME, homes.name(id), format!("a database that no row knows is not adopted: {fault}"), advice);
            return Ok(());
        }
    };
    let newest = inventory.candidates(shelf, Some(id), &HashMap::new()).await?.candidates;
    let told = newest.first().and_then(|one| slug(&one.manifest)).filter(|slug| is_slug(slug));
    let slug = free(store, id, told).await?;
    let tenant = adopted(work, id, slug, reason);
    let (now, line) = (work.now(), store.ids().next());
    let inserted = store.central().write(async |tx| {
        tenants::insert(tx, &tenant).await?;
        let event = Event::done("tenant.adopt", "tenant", id).changing(audit::creation(&tenant));
        audit::record(tx, line, now, &Actor::system(WHO, None), event).await
    });
    inserted.await?;
    let advice = "look at its name and contact, then set its status to active";
    work.warn(NAME, &tenant.slug, format!("no row knew its database ({id}): adopted, and suspended"), advice);
    Ok(())
}

/// What is wrong with a database that may be adopted all the same, or why it may not.
fn unusable(seen: Result<Condition, Error>, id: TenantId) -> Result<Option<String>, String> {
    let condition = seen.map_err(|error| format!("it cannot be read: {}", chiliview_doctor::words(&error)))?;
    if let Schema::Foreign(why) = condition.schema {
        return Err(why.to_string());
    }
    match condition.owner {
        Some(owner) if owner == id => Ok(condition.integrity.into_iter().next()),
        Some(other) => Err(format!("it is the database of tenant {other}")),
        None => Err("it does not say whose it is".to_owned()),
    }
}

fn adopted(work: &Work<'_>, id: TenantId, slug: String, reason: String) -> Tenant {
    Tenant {
        id,
        name: slug.clone(),
        slug,
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "en".to_owned(),
        time_zone: "Etc/UTC".to_owned(),
        notes: String::new(),
        tags: JsonText(Vec::new()),
        metadata: JsonText(std::collections::BTreeMap::new()),
        quota_users: None,
        quota_bytes: None,
        quota_backups: None,
        status: TenantStatus::Suspended,
        status_reason: Some(reason),
        delete_protection: 1,
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: work.now(),
        updated_at: work.now(),
    }
}

/// The slug that was told, else one that is made of the id; in any case one that nobody has.
async fn free(store: &Store, id: TenantId, told: Option<&str>) -> Result<String, Error> {
    let id = id.to_string();
    let made = [format!("recovered-{}", &id[..8]), format!("recovered-{id}")];
    for slug in told.map(str::to_owned).into_iter().chain(made) {
        if store.central().read(async |tx| tenants::find_by_slug(tx, &slug).await).await?.is_none() {
            return Ok(slug);
        }
    }
    Err(Error::Duplicate { what: "tenants.slug".to_owned() })
}

/// As the API wants slugs: the shelf may come from anywhere.
fn is_slug(text: &str) -> bool {
    (3..=LONGEST_SLUG).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && Uuid::try_parse(text).is_err()
}
