//! Lists of apps, keys and installs: what is found in them, and how they go on.

use super::browser::Browser;
use coffer_testkit::TestServer;

/// More than a page has.
const MANY: usize = 55;

/// The address that a link of this relation leads to.
fn link(page: &str, relation: &str) -> String {
    let mark = format!("rel=\"{relation}\" href=\"");
    let rest = page.split(&mark).nth(1).unwrap_or_else(|| panic!("no {relation} in {page}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

/// How many rows the first table of a page has.
fn rows(page: &str) -> usize {
    let body =
        page.split("<tbody>").nth(1).map_or("", |rest| rest.split("</tbody>").next().unwrap());
    body.matches("<tr>").count()
}

#[test]
fn apps_keys_and_installs_go_on_from_page_to_page_and_are_found() {
    let server = TestServer::start();
    let admin = server.admin();
    let developer = server.account();
    let app = server.app();
    for number in 0..MANY {
        let name = format!("many {number:02}");
        admin.post("/v1/admin/apps", &[("account", &developer), ("name", &name)]).ok();
        let key = [("app", app.id.as_str()), ("mode", "test"), ("name", &name)];
        admin.post("/v1/admin/api_keys", &key).ok();
        server.connected(&app);
    }
    let mut browser = Browser::signed_in(&server);
    for (path, has_names) in [
        ("/dashboard/apps".to_owned(), true),
        (format!("/dashboard/keys?app={}", app.id), true),
        (format!("/dashboard/installs?app={}", app.id), false),
    ] {
        let first = browser.page(&path);
        assert_eq!(rows(&first), 50, "{path}");
        let older = link(&first, "next");
        assert!(!path.contains("app=") || older.contains(&app.id), "it is narrowed still: {older}");
        let second = browser.page(&older);
        assert!((5..50).contains(&rows(&second)), "{path}: {}", rows(&second));
        let back = browser.page(&link(&second, "prev"));
        assert_eq!(rows(&back), 50, "{path}");
        assert!(!has_names || first.contains("many 54") && !first.contains("many 03"), "{path}");
        assert!(!has_names || second.contains("many 03") && back.contains("many 54"), "{path}");
    }
    for (path, found) in [
        ("/dashboard/apps?q=MANY+07", "many 07"),
        ("/dashboard/keys?q=Many+07", "many 07"),
        ("/dashboard/search?q=many+07", "many 07"),
    ] {
        let page = browser.page(path);
        assert!(page.contains(found) && !page.contains("many 08"), "{path}: {page}");
    }
    let none = browser.page("/dashboard/apps?q=nothing+has+this");
    assert!(none.contains("No app has this in its id or name"), "{none}");
    let account = &app.account;
    let of_account = browser.page(&format!("/dashboard/installs?account={account}"));
    assert!(rows(&of_account) < 5, "{of_account}");
}

#[test]
fn a_key_says_when_it_was_used_last() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let mut browser = Browser::signed_in(&server);
    let list = format!("/dashboard/keys?app={}", app.id);
    let cell = |page: &str| {
        let cells = page.split("<td data-column=\"Last used\">").skip(1);
        cells.map(|cell| cell.split("</td>").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let unused = "<span class=\"none\" aria-label=\"none\">–</span>";
    assert_eq!(cell(&browser.page(&list)), [unused, unused], "one for each mode");
    app.client().list().ok();
    server.run_jobs();
    server.clock.advance(120);
    let cells = cell(&browser.page(&list));
    let used = cells.iter().filter(|cell| cell.contains(">2 min ago<")).count();
    assert_eq!((used, cells.iter().filter(|cell| *cell == unused).count()), (1, 1), "{cells:?}");
}
