//! Lists: paging while rows come and go, sorting, searching.

use chiliview_store::admins::AdminRole;
use serde_json::json;

use crate::support::{Person, TestApp, on_every_engine};

async fn user(app: &TestApp, owner: &Person, username: &str, name: &str) -> String {
    let body = json!({ "username": username, "email": format!("{username}@example.org"), "family_name": name });
    app.post(owner, "/tenants/acme/users", body).await.expect(201).field("id")
}

#[tokio::test]
async fn pages_miss_nothing_and_repeat_nothing_while_rows_come_and_go() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        for n in 10..30 {
            user(app, &owner, &format!("u{n}"), "x").await;
        }
        let (mut seen, mut path) = (Vec::new(), "/tenants/acme/users?limit=4".to_owned());
        for round in 0.. {
            let page = app.get(&owner, &path).await.expect(200);
            seen.extend(page.column("username"));
            let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
            path = format!("/tenants/acme/users?limit=4&after={next}");
            // One comes before the cursor, and the row that the cursor names goes.
            user(app, &owner, &format!("a{round}"), "x").await;
            let items = page.json();
            let last = items["items"][3]["id"].as_str().unwrap();
            app.delete(&owner, &format!("/tenants/acme/users/{last}")).await.expect(204);
        }
        assert_eq!(seen, (10..30).map(|n| format!("u{n}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn every_order_runs_both_ways() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        for name in ["Berta", "anton", "Cäsar"] {
            user(app, &owner, name, name).await;
        }
        for (sort, expected) in [
            ("username", ["anton", "Berta", "Cäsar"]),
            ("email", ["anton", "Berta", "Cäsar"]),
            ("created", ["Berta", "anton", "Cäsar"]),
        ] {
            let list = async |order: &str| {
                let first = app.get(&owner, &format!("/tenants/acme/users?sort={sort}&order={order}&limit=2")).await;
                let next = first.field("next");
                let path = format!("/tenants/acme/users?sort={sort}&order={order}&limit=2&after={next}");
                [first.column("username"), app.get(&owner, &path).await.column("username")].concat()
            };
            assert_eq!(list("asc").await, expected, "{sort}");
            assert_eq!(list("desc").await, expected.into_iter().rev().collect::<Vec<_>>(), "{sort}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_umlauts_whatever_the_case_and_takes_no_wildcards() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        user(app, &owner, "jörg", "MÜLLER").await;
        user(app, &owner, "under_score", "100%").await;
        user(app, &owner, "underXscore", "1000").await;
        for (q, expected) in [
            ("m%C3%BCll", vec!["jörg"]),
            ("J%C3%96RG", vec!["jörg"]),
            ("r_s", vec!["under_score"]),
            ("100%25", vec!["under_score"]),
            ("nobody", vec![]),
        ] {
            let found = app.get(&owner, &format!("/tenants/acme/users?q={q}")).await.expect(200);
            assert_eq!(found.column("username"), expected, "{q}");
        }
        app.post(&owner, "/tenants", json!({ "slug": "over", "name": "ÜBER" })).await.expect(201);
        assert_eq!(app.get(&owner, "/tenants?q=%C3%BCber").await.column("slug"), ["over"]);
    })
    .await;
}

#[tokio::test]
async fn filters_narrow() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        user(app, &owner, "anton", "x").await;
        let berta = user(app, &owner, "berta", "x").await;
        let change = json!({ "role": "manager", "status": "disabled" });
        app.patch(&owner, &format!("/tenants/acme/users/{berta}"), change).await.expect(200);
        let list =
            async |query: &str| app.get(&owner, &format!("/tenants/acme/users?{query}")).await.column("username");
        assert_eq!(list("role=manager").await, ["berta"]);
        assert_eq!(list("status=active").await, ["anton"]);
        assert!(list("role=manager&status=active").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn nonsense_in_the_query_is_named() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        app.tenant(&owner, "acme").await;
        let long = "a".repeat(60_000);
        for (query, pointer) in [
            ("limit=0", "/query/limit"),
            ("limit=501", "/query/limit"),
            ("limit=many", "/query/limit"),
            ("after=%25", "/query/after"),
            // {"key":"\u0000","id":""}
            ("after=eyJrZXkiOiJcdTAwMDAiLCJpZCI6IiJ9", "/query/after"),
            ("sort=size", "/query/sort"),
            ("q=%00", "/query/q"),
            (&format!("q={long}"), "/query/q"),
        ] {
            let answer = app.get(&owner, &format!("/tenants/acme/users?{query}")).await.expect(400);
            assert_eq!(answer.pointers(), [pointer]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_parameter_that_makes_no_sense_is_told_by_its_name() {
    on_every_engine(async |app| {
        let owner = app.admin(AdminRole::Owner).await;
        // The cursor is one of ours, with an id that is none.
        let wrong = [
            ("/jobs?after=eyJrZXkiOiJ4IiwiaWQiOiJ4In0", "/query/after"),
            ("/jobs?kind=a%00b", "/query/kind"),
            ("/tenants?tag=a%00b", "/query/tag"),
            ("/tenants?q=a%00b", "/query/q"),
        ];
        for (path, pointer) in wrong {
            let refused = app.get(&owner, path).await.expect_problem(400, "invalid_parameter");
            assert_eq!(refused.pointers(), [pointer], "{path}");
        }
    })
    .await;
}
