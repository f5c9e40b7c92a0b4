//! The console's files beside the API.

use chiliview_api::{console::Site, edge::EdgeSettings, service};
use poem::Endpoint;

use crate::support::{Answer, TestApp, on_every_engine};

const SCRIPT: &str = "/assets/app-1a2b3c.js";
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let call = headers.iter().fold(app.page("GET", path), |call, (name, value)| call.header(name, value));
    call.send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_as_compressed_as_the_client_takes_it_and_stays_for_ever() {
    on_every_engine(async |app| {
        let mut etags = Vec::new();
        for (accepted, coding, text) in [
            ("gzip, deflate, br", "br", "the script in brotli"),
            ("gzip", "gzip", "the script in gzip"),
            ("identity", "", "the script"),
        ] {
            let answer = get(app, SCRIPT, &[("accept-encoding", accepted)]).await.expect(200);
            assert_eq!((answer.header("content-encoding"), answer.text.as_str()), (coding, text));
            assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(answer.header("vary"), "accept-encoding");
            etags.push(answer.header("etag").to_owned());
            let same =
                get(app, SCRIPT, &[("accept-encoding", accepted), ("if-none-match", &etags[etags.len() - 1])]).await;
            assert_eq!((same.expect(304).text.as_str(), etags.len()), ("", etags.len()));
            let head = app.page("HEAD", SCRIPT).header("accept-encoding", accepted).send().await.expect(200);
            assert_eq!((head.text.as_str(), head.header("content-length")), ("", text.len().to_string().as_str()));
            assert_eq!(head.header("etag"), etags[etags.len() - 1]);
        }
        assert!(etags.iter().all(|etag| etag.starts_with('"') && etag.ends_with('"') && etag.len() > 20), "{etags:?}");
        etags.dedup();
        assert_eq!(etags.len(), 3, "each coding is another content");
        let other = get(app, SCRIPT, &[("accept-encoding", "br"), ("if-none-match", &etags[2])]).await;
        assert_eq!(other.expect(200).text, "the script in brotli");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_the_console_are_its_index_and_nothing_else_is() {
    on_every_engine(async |app| {
        for path in ["/", "/index.html", "/tenants/acme?tab=users", "/login", "/apis", "/backups/1.2"] {
            let index = get(app, path, &[PAGE, ("accept-encoding", "br")]).await.expect(200);
            assert_eq!((index.text.as_str(), index.header("cache-control")), ("index in brotli", "no-cache"), "{path}");
            assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
            let policy = index.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        }
        assert_eq!(get(app, "/", &[]).await.expect(200).text, "<!doctype html><title>the console</title>");
        assert_eq!(get(app, "/favicon.svg", &[]).await.expect(200).header("content-type"), "image/svg+xml");
        // What a script or a style sheet of an older console asks for is not a page.
        for (path, accept) in [("/tenants", "*/*"), ("/assets/app-old.js", PAGE.1), ("/.gitkeep", "*/*")] {
            get(app, path, &[("accept", accept)]).await.expect_problem(404, "not_found");
        }
        get(app, "/assets/app-1a2b3c.js.br", &[]).await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_answers_for_nobody_else() {
    on_every_engine(async |app| {
        for path in
            ["/api", "/api/", "/api/nothing", "/api/tenants/a/b/c", "/livez/x", "/readyz/x", "/metrics", "/metrics/x"]
        {
            get(app, path, &[PAGE]).await.expect_problem(404, "not_found");
        }
        assert_eq!(get(app, "/livez", &[PAGE]).await.expect(200).text, "ok\n");
        assert_eq!(get(app, "/api/health", &[PAGE]).await.expect(200).json()["status"], "degraded");
        app.page("POST", "/tenants").header(PAGE.0, PAGE.1).send().await.expect_problem(404, "not_found");
        let refused = app.page("DELETE", SCRIPT).send().await.expect_problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), "GET, HEAD");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_without_a_console_says_how_to_build_it() {
    on_every_engine(async |app| {
        let endpoint = service::endpoint(app.app.clone(), EdgeSettings::default(), None, Site::of([]));
        let request = poem::Request::builder().uri("/".parse().unwrap()).finish();
        let mut answer = endpoint.get_response(request).await;
        assert_eq!(answer.status(), 200);
        let page = answer.take_body().into_string().await.unwrap();
        assert!(page.contains("npm run build") && page.contains("cargo build"), "{page}");
    })
    .await;
}
