//! The Prometheus text format, version 0.0.4: families with help and type, labels with escaped values.

use std::fmt::{Display, Write};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// Appends the series of one metric. The header is written with the first series: a family without any is left out.
pub(super) struct Family<'a> {
    out: &'a mut String,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    begun: bool,
}

impl<'a> Family<'a> {
    pub(super) fn new(out: &'a mut String, kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { out, name, kind, help, begun: false }
    }

    pub(super) fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        if !self.begun {
            self.begun = true;
            let kind = match self.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let (name, help) = (self.name, self.help);
            self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        }
        self.out.push_str(self.name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.out.push(if index == 0 { '{' } else { ',' });
            self.push(format_args!("{label}=\"{}\"", escaped(text)));
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        self.push(format_args!(" {value}\n"));
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing into a `String` cannot fail.
        self.out.write_fmt(arguments).unwrap_or_default();
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
