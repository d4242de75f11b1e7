//! Replaces a text in every answer of the application, as the config says: `{"find": "ACME", "replace": "our partner"}`.
//!
//! The body is held until it is there whole, since the text may be cut anywhere. What was done is counted.

use proxy_wasm::hostcalls::{define_metric, increment_metric, record_metric};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { rule: None }));
}}

/// What is replaced by what, and the metrics that count it.
struct Rule {
    find: String,
    replace: String,
    replaced: u32,
    body_bytes: u32,
}

struct Root {
    rule: Option<Rc<Rule>>,
}

impl Root {
    fn read(&self) -> Result<Rule, String> {
        let text = self.get_plugin_configuration().unwrap_or_default();
        let config: serde_json::Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let member = |name: &str| match config[name].as_str() {
            Some(value) => Ok(value.to_owned()),
            None => Err(format!("`{name}` is not a text")),
        };
        let (find, replace) = (member("find")?, member("replace")?);
        if find.is_empty() {
            return Err("`find` is empty".to_owned());
        }
        let metric = |kind, name| define_metric(kind, name).map_err(|status| format!("{name}: {status:?}"));
        let replaced = metric(MetricType::Counter, "body_rewrite_replaced")?;
        let body_bytes = metric(MetricType::Histogram, "body_rewrite_bytes")?;
        Ok(Rule { find, replace, replaced, body_bytes })
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match self.read() {
            Ok(rule) => self.rule = Some(Rc::new(rule)),
            Err(why) => log::error!("body-rewrite wants {{\"find\": TEXT, \"replace\": TEXT}}: {why}"),
        }
        self.rule.is_some()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let rule = self.rule.clone()?;
        Some(Box::new(Exchange { rule, is_readable: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Exchange {
    rule: Rc<Rule>,
    is_readable: bool,
}

impl Context for Exchange {}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, _count: usize, _is_end: bool) -> Action {
        // a compressed answer could not be searched
        self.set_http_request_header("accept-encoding", None);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, is_end: bool) -> Action {
        self.is_readable = !is_end && self.get_http_response_header_bytes("content-encoding").is_none();
        if self.is_readable {
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, is_end: bool) -> Action {
        if !self.is_readable {
            return Action::Continue;
        }
        if !is_end {
            return Action::Pause;
        }
        let body = self.get_http_response_body(0, size).unwrap_or_default();
        let (changed, count) = replace_all(&body, self.rule.find.as_bytes(), self.rule.replace.as_bytes());
        if count > 0 {
            self.set_http_response_body(0, size, &changed);
            increment_metric(self.rule.replaced, count).unwrap();
        }
        record_metric(self.rule.body_bytes, changed.len() as u64).unwrap();
        Action::Continue
    }
}

/// On bytes, since a body need not be UTF-8.
fn replace_all(body: &[u8], find: &[u8], replace: &[u8]) -> (Vec<u8>, i64) {
    let mut changed = Vec::with_capacity(body.len());
    let mut count = 0;
    let mut at = 0;
    while at < body.len() {
        if body[at..].starts_with(find) {
            changed.extend_from_slice(replace);
            at += find.len();
            count += 1;
        } else {
            changed.push(body[at]);
            at += 1;
        }
    }
    (changed, count)
}
