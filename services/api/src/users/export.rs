//! A tenant's users as CSV, in the columns that the import reads.

use chiliview_store::{
    Database,
    audit::Event,
    paging::{Cursor, Direction, Page},
    tenants::Tenant,
    users::{self as rows, Filter, User, UserSort},
};
use futures::future::BoxFuture;

use crate::{
    app::App,
    caller::Caller,
    csv::{self, CsvFile},
    problem::Problem,
};

/// The import's, without the password, and then what the import passes over.
const COLUMNS: [&str; 10] = [
    "username",
    "email",
    "given_name",
    "family_name",
    "display_name",
    "role",
    "status",
    "id",
    "last_login_at",
    "created_at",
];

/// Who takes a list of people away is written down first.
pub(super) async fn run(
    app: &App,
    caller: &Caller,
    tenant: &Tenant,
    database: Database,
    filter: Filter,
) -> Result<CsvFile, Problem> {
    database.write(async |tx| app.audit(tx, caller, Event::done("user.export", "tenant", tenant.id)).await).await?;
    let fetch = move |after: Option<Cursor>| {
        let (database, filter) = (database.clone(), filter.clone());
        let page = Page { after, limit: csv::PAGE, direction: Direction::Ascending };
        let rows = async move {
            let read = database.read(async |tx| rows::list(tx, &filter, UserSort::Username, &page).await);
            Ok(read.await?)
        };
        Box::pin(rows) as BoxFuture<'static, Result<Vec<User>, Problem>>
    };
    let cursor = |user: &User| Cursor { key: user.username.to_lowercase(), id: user.id.to_string() };
    let day = app.now().to_datetime().format("%Y-%m-%d");
    CsvFile::paged(format!("users-{}-{day}", tenant.slug), &COLUMNS, fetch, cursor, cells).await
}

fn cells(user: &User) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        user.username.clone(),
        user.email.clone(),
        text(&user.given_name),
        text(&user.family_name),
        user.display_name.clone(),
        user.role.to_string(),
        user.status.to_string(),
        user.id.to_string(),
        user.last_login_at.map(|at| at.to_string()).unwrap_or_default(),
        user.created_at.to_string(),
    ]
}
