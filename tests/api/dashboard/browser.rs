//! Somebody's browser: it keeps cookies, follows no redirect by itself, and sends forms.

use coffer_testkit::{Answer, Params, Raw, TestServer, encode};

/// What every response must have, word for word.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

pub struct Browser<'s> {
    server: &'s TestServer,
    host: String,
    cookies: Vec<(String, String)>,
    /// What every form of the session carries.
    form_token: String,
}

impl<'s> Browser<'s> {
    /// A browser on the server's own machine, which nobody has signed in.
    pub fn new(server: &'s TestServer) -> Self {
        Self::under(server, "localhost")
    }

    /// A browser that knows the server by another name.
    pub fn under(server: &'s TestServer, host: &str) -> Self {
        Self { server, host: host.to_owned(), cookies: Vec::new(), form_token: String::new() }
    }

    /// A browser that an operator has signed in.
    pub fn signed_in(server: &'s TestServer) -> Self {
        let mut browser = Self::new(server);
        assert_eq!(browser.sign_in(server.admin().key()).status, 303);
        browser
    }

    /// Sends the form of the sign-in page, and looks at the first page.
    pub fn sign_in(&mut self, key: &str) -> Answer {
        let answer = self.send("POST", "/dashboard/sign_in", Some(&[("key", key)]), &[]);
        if answer.status == 303 {
            self.get("/dashboard/keys");
        }
        answer
    }

    pub fn get(&mut self, target: &str) -> Answer {
        let answer = self.send("GET", target, None, &[]);
        let mark = "name=\"form_token\" value=\"";
        if let Some((_, rest)) = answer.body.split_once(mark) {
            self.form_token = rest.split('"').next().unwrap().to_owned();
        }
        answer
    }

    /// A page that must be there.
    #[track_caller]
    pub fn page(&mut self, target: &str) -> String {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.body
    }

    /// Sends one of the session's forms.
    pub fn post(&self, target: &str, fields: Params<'_>) -> Browsed {
        let token = [("form_token", self.form_token.as_str())];
        self.form(target, &[&token[..], fields].concat(), &[])
    }

    /// Sends any form, with these headers more.
    pub fn form(&self, target: &str, fields: Params<'_>, headers: &[&str]) -> Browsed {
        let (answer, _) = self.exchange("POST", target, Some(fields), headers);
        Browsed(answer)
    }

    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        fields: Option<Params<'_>>,
        headers: &[&str],
    ) -> Answer {
        let (answer, cookies) = self.exchange(method, target, fields, headers);
        for (name, value) in cookies {
            self.cookies.retain(|(known, _)| *known != name);
            if !value.is_empty() {
                self.cookies.push((name, value));
            }
        }
        answer
    }

    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(known, _)| known != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    fn exchange(
        &self,
        method: &str,
        target: &str,
        fields: Option<Params<'_>>,
        headers: &[&str],
    ) -> (Answer, Vec<(String, String)>) {
        let body = fields.map(encode).unwrap_or_default();
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for line in headers {
            text.push_str(&format!("{line}\r\n"));
        }
        if !self.cookies.is_empty() {
            let all: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            text.push_str(&format!("Cookie: {}\r\n", all.join("; ")));
        }
        if fields.is_some() {
            let length = body.len();
            text.push_str(&format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
            ));
        }
        let mut raw = Raw::connect(self.server.socket());
        raw.send(format!("{text}\r\n{body}"));
        let answer = raw.answer();
        check_headers(target, &answer);
        let lines = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies = lines.map(|(_, line)| {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let cookies = cookies.collect();
        (answer, cookies)
    }
}

/// What came of a form.
pub struct Browsed(pub Answer);

impl Browsed {
    /// That it was carried out, and where it leads.
    #[track_caller]
    pub fn leads(&self) -> &str {
        assert_eq!(self.0.status, 303, "{}", self.0.body);
        self.0.header("location").unwrap()
    }

    /// The page that answers it.
    #[track_caller]
    pub fn page(&self) -> &str {
        assert_eq!(self.0.status, 200, "{}", self.0.body);
        &self.0.body
    }
}

/// Every response of the dashboard forbids what it does not need, and no cache keeps a page.
#[track_caller]
fn check_headers(target: &str, answer: &Answer) {
    if answer.header("content-type") == Some("application/json") {
        return;
    }
    assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{target}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{target}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{target}");
    let kind = answer.header("content-type").unwrap_or_default();
    let is_file =
        ["text/css", "text/javascript", "image/svg"].iter().any(|of| kind.starts_with(of));
    let kept = if is_file { "public, max-age=31536000, immutable" } else { "no-store" };
    assert_eq!(answer.header("cache-control"), Some(kept), "{target}");
    if answer.header("content-type") == Some("text/html; charset=utf-8") {
        check_markup(target, &answer.body);
    }
}

/// No page has a script, a style or a handler in it, or loads anything from elsewhere.
#[track_caller]
pub fn check_markup(target: &str, body: &str) {
    for outside in [
        "<style",
        "style=\"",
        " onclick",
        " onload",
        "href=\"javascript:",
        "action=\"javascript:",
        "src=\"http",
    ] {
        assert!(!body.contains(outside), "{target} has {outside}: {body}");
    }
    for (_, rest) in body.match_indices("<script").map(|(at, _)| body.split_at(at)) {
        assert!(rest.starts_with("<script src=\"/dashboard/assets/"), "{target}: {rest:.80}");
    }
}
