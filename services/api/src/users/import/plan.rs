//! What the lines of a file come to, given what is stored.

use std::collections::HashMap;

use chiliview_store::{
    Ids, Timestamp, Tx, UserId,
    tenants::Tenant,
    users::{self as rows, User},
};

use super::{
    Errors, OnExisting,
    sheet::{Header, Row, Sheet},
};
use crate::{
    caller::Caller,
    problem::Problem,
    users::{
        guards, is_himself,
        shapes::{logged_out_if_disabled, natural_name, new_user},
    },
};

const KEYS_AT_ONCE: i64 = 5000;

/// What will be written.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) new: Vec<User>,
    pub(super) changed: Vec<(User, User)>,
    pub(super) skipped: u64,
    pub(super) errors: Errors,
}

/// Whose import, into what, and how.
pub(super) struct Planner<'a> {
    pub(super) caller: &'a Caller,
    pub(super) tenant: &'a Tenant,
    pub(super) ids: Ids,
    pub(super) on_existing: OnExisting,
}

/// Who has a username or an e-mail that the file names.
#[derive(Default)]
struct Stored {
    usernames: HashMap<String, UserId>,
    emails: HashMap<String, UserId>,
    count: i64,
}

impl Planner<'_> {
    /// Reads only. `hashes` are of the lines' passwords.
    pub(super) async fn plan(
        &self,
        tx: &mut Tx,
        sheet: &Sheet,
        hashes: &HashMap<u64, String>,
        now: Timestamp,
    ) -> Result<Plan, Problem> {
        let stored = Stored::of(tx, &sheet.rows).await?;
        let mut plan = Plan::default();
        for row in &sheet.rows {
            let by_name = stored.usernames.get(&row.user.username.to_lowercase()).copied();
            let by_email = stored.emails.get(&row.user.email.to_lowercase()).copied();
            match (by_name, self.on_existing) {
                (None, OnExisting::Skip) if by_email.is_some() => plan.skipped += 1,
                (Some(_), OnExisting::Skip) => plan.skipped += 1,
                (Some(_), OnExisting::Error) => plan.taken(row.line, "username"),
                (Some(id), OnExisting::Update) if by_email.is_none_or(|other| other == id) => {
                    self.change(tx, &mut plan, sheet, row, (id, hashes.get(&row.line), now)).await?;
                }
                _ if by_email.is_some() => plan.taken(row.line, "email"),
                _ => {
                    let hash = hashes.get(&row.line).cloned();
                    plan.new.push(new_user(row.user.clone(), hash, self.ids.next(), now));
                    self.hold_quota(&mut plan, stored.count, row.line);
                }
            }
        }
        self.hold_manager(tx, &mut plan, sheet).await?;
        Ok(plan)
    }

    async fn change(
        &self,
        tx: &mut Tx,
        plan: &mut Plan,
        sheet: &Sheet,
        row: &Row,
        (id, hash, now): (UserId, Option<&String>, Timestamp),
    ) -> Result<(), Problem> {
        let before = rows::find(tx, id).await?.ok_or_else(|| Problem::not_found("user"))?;
        if row.user.password.is_some() && is_himself(self.caller, id) {
            let detail = "change your own password at /api/auth/password, with the current one";
            plan.errors.add(row.line, Some("password"), "own_password", detail);
            return Ok(());
        }
        let after = changed(&before, row, &sheet.header, hash, now);
        match same(&before, &after) {
            true => plan.skipped += 1,
            false => plan.changed.push((before, after)),
        }
        Ok(())
    }

    fn hold_quota(&self, plan: &mut Plan, stored: i64, line: u64) {
        let Some(quota) = self.tenant.quota_users else { return };
        let count = stored.saturating_add(i64::try_from(plan.new.len()).unwrap_or(i64::MAX));
        if count > quota {
            plan.errors.add(line, None, "quota_exceeded", format!("the tenant may have {quota} users"));
        }
    }

    /// As [`guards::refuse_lockout`] does for one user.
    async fn hold_manager(&self, tx: &mut Tx, plan: &mut Plan, sheet: &Sheet) -> Result<(), Problem> {
        let lost = plan.changed.iter().filter(|(before, after)| guards::manages(before) && !guards::manages(after));
        let lost: Vec<_> = lost.map(|(before, _)| before.username.to_lowercase()).collect();
        if lost.is_empty() || self.caller.own_tenant().is_none() {
            return Ok(());
        }
        let gained = plan.changed.iter().filter(|(before, after)| !guards::manages(before) && guards::manages(after));
        let gained = gained.count() + plan.new.iter().filter(|user| guards::manages(user)).count();
        let managers = usize::try_from(rows::count_managers(tx).await?).unwrap_or(usize::MAX);
        if managers.saturating_add(gained) > lost.len() {
            return Ok(());
        }
        for row in sheet.rows.iter().filter(|row| lost.contains(&row.user.username.to_lowercase())) {
            plan.errors.add(row.line, Some("role"), "last_manager", "nobody would be left to manage the tenant");
        }
        Ok(())
    }
}

impl Plan {
    fn taken(&mut self, line: u64, column: &str) {
        let detail = format!("another user of the tenant has this {column}");
        self.errors.add(line, Some(column), &format!("{column}_taken"), detail);
    }
}

impl Stored {
    async fn of(tx: &mut Tx, file: &[Row]) -> Result<Self, Problem> {
        let usernames =
            file.iter().map(|row| row.user.username.to_lowercase()).collect::<std::collections::HashSet<_>>();
        let emails = file.iter().map(|row| row.user.email.to_lowercase()).collect::<std::collections::HashSet<_>>();
        let mut stored = Self { count: rows::count(tx).await?, ..Self::default() };
        let mut after = None;
        loop {
            let page = rows::keys(tx, after, KEYS_AT_ONCE).await?;
            let Some((last, _, _)) = page.last() else { return Ok(stored) };
            after = Some(*last);
            for (id, username, email) in page {
                if usernames.contains(&username) {
                    stored.usernames.insert(username, id);
                }
                if emails.contains(&email) {
                    stored.emails.insert(email, id);
                }
            }
        }
    }
}

fn changed(before: &User, row: &Row, header: &Header, hash: Option<&String>, now: Timestamp) -> User {
    let (new, old) = (&row.user, before.clone());
    let follows = before.display_name == natural_name(before);
    let text = |column, new: &Option<String>, old| if header.has(column) { new.clone() } else { old };
    let user = User {
        username: new.username.clone(),
        email: new.email.clone(),
        given_name: text("given_name", &new.given_name, old.given_name),
        family_name: text("family_name", &new.family_name, old.family_name),
        role: new.role.map_or(old.role, Into::into),
        status: new.status.map_or(old.status, Into::into),
        updated_at: now,
        ..old
    };
    let display_name = match &new.display_name {
        Some(name) => name.clone(),
        None if header.has("display_name") || follows => natural_name(&user),
        None => user.display_name.clone(),
    };
    let user = logged_out_if_disabled(before, User { display_name, ..user });
    if new.password.is_none() {
        return user;
    }
    // A rehearsal hashes nothing, but counts him as changed.
    let password_hash = hash.cloned().or_else(|| user.password_hash.clone());
    User { password_hash, credential_version: before.credential_version + 1, ..user }
}

fn same(before: &User, after: &User) -> bool {
    let differs = serde_json::to_value(before).ok() != serde_json::to_value(after).ok();
    !differs && before.credential_version == after.credential_version
}
