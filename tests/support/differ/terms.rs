//! Index terms: what is written with a value, what asks for it, and which values it means.

use serde_json::{Value, json};

use super::named;
use super::random::Random;
use crate::Differ;
use crate::support::forms::{hex, list, scope};
use crate::support::positives::{ring_of, symmetric};
use crate::support::term_forms::{asked, is_built, matches, written};

/// Assigned for long, so that every version of Unicode says the same of them.
const PIECES: [&str; 74] = [
    "a",
    "B",
    "ada",
    "Z",
    "0",
    "42",
    " ",
    "  ",
    "\t",
    "\u{a0}",
    "\u{3000}",
    "-",
    "_",
    ".",
    "@",
    "'",
    "ß",
    "é",
    "e\u{301}",
    "İ",
    "ı",
    "Σ",
    "ς",
    "ﬁ",
    "Ａ",
    "１",
    "٣",
    "Ⅷ",
    "²",
    "Ⓐ",
    "漢",
    "\u{1F980}",
    "\u{939}\u{93f}\u{928}\u{94d}",
    "\u{ad}",
    "ẞ",
    "ｶﾞ",
    "が",
    "\u{345}",
    "\u{300}",
    "\u{323}",
    "\u{1fb3}",
    "\u{200b}",
    "ø",
    "\u{5b8}",
    "ﬀ",
    "\u{1112}\u{1161}",
    "ȷ",
    "<",
    "’",
    "\u{2bc}",
    "\u{2011}",
    "–",
    "−",
    "ك",
    "ک",
    "ي",
    "ی",
    "ى",
    "ٱ",
    "ہ",
    "\u{640}",
    "東",
    "京都",
    "ส\u{e27}\u{e31}",
    "김",
    "\u{212a}",
    "ſ",
    "\"",
    "\\",
    "。",
    "xn--",
    "mnchen-3ya.",
    "\u{200c}",
    "א",
];

impl Differ {
    pub(crate) fn terms(&mut self) {
        let index = self.random.term_index();
        let mut request = json!({
            "ring": self.random.index_ring(&index), "tenant": self.random.index_tenant(), "index": index,
        });
        let rows: Vec<Value> = (0..4).map(|_| self.random.indexed(&index)).collect();
        for row in &rows {
            request["values"] = row.clone();
            if !is_built(&request) {
                return;
            }
            let ours = named(written(&request)).map(|terms| json!(terms));
            let theirs = self.reference.ask("terms", &request);
            if let Some((ours, theirs)) = self.alike("terms", &request, ours, theirs) {
                assert_eq!(ours, theirs["terms"], "{request}");
            }
        }
        for _ in 0..3 {
            request["values"] = self.random.indexed(&index);
            if index["shape"] == "range" && !self.random.once_in(4) {
                request["between"] = self.random.ends(&index);
            }
            if !is_built(&request) {
                continue;
            }
            let ours = named(asked(&request)).map(|groups| json!(groups));
            let theirs = self.reference.ask("ask", &request);
            let Some((ours, theirs)) = self.alike("ask", &request, ours, theirs) else { continue };
            assert_eq!(ours, theirs["groups"], "{request}");
            for row in &rows {
                let ours = named(matches(&request, list(row))).map(|matches| json!(matches));
                request["found"] = row.clone();
                let theirs = self.reference.ask("matches", &request);
                let Some((ours, theirs)) = self.alike("matches", &request, ours, theirs) else {
                    continue;
                };
                assert_eq!(ours, theirs["matches"], "{request}");
            }
        }
    }
}

impl Random {
    fn index_tenant(&mut self) -> String {
        (*self.pick(&["", "acme", "é"])).into()
    }

    /// Index keys in any state, whole and as what is derived of them.
    fn index_ring(&mut self, index: &Value) -> Value {
        let states = ["open-only", "compromised", "disabled", "destroyed"];
        let mut keys = Vec::new();
        for position in 0..self.below(4).max(self.below(2)) {
            let state = if position == 0 && !self.once_in(6) {
                "primary"
            } else {
                self.pick::<&str>(&states)
            };
            let id = 1 + self.below(0xFFFF_FFF0);
            let mut key = symmetric(id, "index", "index", state);
            match self.below(12) {
                _ if state == "destroyed" => name_only(&mut key),
                0 => name_only(&mut key),
                1 => self.derived_of(&mut key, index),
                _ => {}
            }
            if keys.iter().all(|other: &Value| other["id"] != key["id"]) {
                keys.push(key);
            }
        }
        keys.sort_by_key(|key| key["id"].as_u64());
        ring_of(&keys)
    }

    fn derived_of(&mut self, key: &mut Value, index: &Value) {
        let (mut derived, mut scopes) = (Vec::new(), Vec::new());
        for _ in 0..=self.below(3) {
            let mut of = json!({
                "tenant": self.index_tenant(), "record": index["record"], "index": index["index"],
                "key": hex(&self.seed()),
            });
            if self.once_in(8) {
                of["index"] = "elsewhere".into();
            }
            if !scopes.contains(&scope(&of)) {
                scopes.push(scope(&of));
                derived.push(of);
            }
        }
        name_only(key);
        key["form"] = "derived".into();
        key["derived"] = json!(derived);
    }

    fn term_index(&mut self) -> Value {
        let mut index = json!({
            "record": *self.pick(&["customer", "order"]), "index": *self.pick(&["a", "a.b", "email"]),
        });
        if self.once_in(2) {
            index["bits"] = (1 + self.below(128)).into();
        }
        let shape =
            *self.pick(&["exact", "exact", "compound", "prefix", "words", "range", "range"]);
        index["shape"] = shape.into();
        match shape {
            "range" => {
                index["domain"] = self.domain();
                if self.once_in(4) {
                    index["levels"] = 1.into();
                }
            }
            "compound" => {
                let parts = 2 + self.below(2);
                index["normalizers"] = (0..parts).map(|_| self.normalizer()).collect();
            }
            _ => {
                index["normalizers"] = json!([self.normalizer()]);
                index["lenient"] = self.once_in(2).into();
            }
        }
        if shape == "prefix" {
            index["length"] =
                if self.once_in(2) { 1 + self.below(64) } else { 1 + self.below(4) }.into();
        }
        index
    }

    fn normalizer(&mut self) -> &'static str {
        let names = ["none", "none", "digits", "date", "email", "text", "text without accents"];
        self.pick::<&str>(&names)
    }

    fn domain(&mut self) -> Value {
        let step = if self.once_in(2) { 1 } else { 1 + self.below(40) };
        match self.below(3) {
            0 => {
                let least = i128::from(self.u64() >> 1) - i128::from(self.u64() >> 2);
                let shift = 16 + self.below(47);
                let greatest = least + i128::from(self.u64() >> shift);
                json!({"unit": "one", "least": least.to_string(), "greatest": greatest.to_string(), "step": step})
            }
            1 => {
                let mut ends = [self.day(), self.day()];
                ends.sort();
                json!({"unit": "day", "least": ends[0], "greatest": ends[1], "step": step})
            }
            _ => {
                let (least, most) = *self.pick(&[
                    ("-10.00", "99999.99"),
                    ("0", "9"),
                    ("-1.5", "1.5"),
                    ("0.00000000000000000", "0.00000099999999999"),
                ]);
                json!({"unit": "decimal", "least": least, "greatest": most, "step": step})
            }
        }
    }

    /// A day of any year.
    fn day(&mut self) -> String {
        let year = if self.once_in(3) { self.below(10_000) } else { 1890 + self.below(220) };
        format!("{year:04}-{:02}-{:02}", 1 + self.below(12), 1 + self.below(28))
    }

    fn pieces(&mut self, most: u64) -> String {
        (0..self.below(most)).map(|_| *self.pick(&PIECES)).collect()
    }

    /// A value of each part, mostly such as the index takes.
    fn indexed(&mut self, index: &Value) -> Value {
        let parts =
            if index["shape"] == "compound" { list(&index["normalizers"]).len() } else { 1 };
        (0..parts).map(|part| self.indexed_part(index, part)).collect()
    }

    fn indexed_part(&mut self, index: &Value, part: usize) -> Value {
        if self.once_in(12) {
            return self.of_any_sort();
        }
        match index["domain"]["unit"].as_str() {
            Some("day") => return json!({"t": "date", "v": self.day()}),
            Some("decimal") => return self.a_decimal(),
            Some(_) => {
                let end = *self.pick(&["least", "greatest"]);
                let near: i128 = index["domain"][end].as_str().unwrap().parse().unwrap();
                let most = 1 << self.below(20);
                let number = near + i128::from(self.below(most)) - i128::from(self.below(most));
                let number = number.clamp(i64::MIN.into(), u64::MAX.into());
                return json!({"t": "int", "v": number.to_string()});
            }
            None => {}
        }
        let text = match index["normalizers"][part].as_str() {
            Some("date") if self.once_in(2) => self.day(),
            Some("date") => self.day().replace('-', ""),
            Some("email") => {
                let quote = *self.pick(&["", "", "", "\""]);
                format!("{quote}{}x{quote}@{}y{}", self.pieces(3), self.pieces(3), self.pieces(3))
            }
            Some("none")
                if index["shape"] != "prefix" && index["shape"] != "words" && self.once_in(2) =>
            {
                return self.of_any_sort();
            }
            _ if index["shape"] == "words" && self.once_in(8) => {
                (0..250 + self.below(80)).map(|n| format!("w{n} ")).collect()
            }
            _ => self.pieces(9),
        };
        json!({"t": "text", "v": text})
    }

    fn a_decimal(&mut self) -> Value {
        let exponent = if self.once_in(6) { self.below(29) } else { self.below(4) };
        let shift = if self.once_in(4) { self.below(64) } else { 44 };
        let mut mantissa = i128::from(self.u64() >> shift);
        if self.once_in(2) {
            mantissa *= [10, 100, 10_000, -10][self.index(4)];
        }
        json!({"t": "decimal", "e": -i128::from(exponent), "m": mantissa.to_string()})
    }

    fn of_any_sort(&mut self) -> Value {
        match self.below(12) {
            0 => json!({"t": "null"}),
            1 => json!({"t": "bool", "v": self.once_in(2)}),
            2 => json!({"t": "int", "v": (self.u64() >> self.below(64)).to_string()}),
            3 => json!({"t": "int", "v": (-1 - i128::from(self.u64() >> 1)).to_string()}),
            4 => json!({"t": "bytes", "v": hex(self.pieces(4).as_bytes())}),
            5 => json!({"t": "date", "v": self.day()}),
            6 => json!({"t": "uuid", "v": hex(&self.bytes(16))}),
            7 => {
                json!({"t": "instant", "s": self.below(1 << 33).to_string(), "n": self.below(1_000_000_000)})
            }
            8 => json!({"t": "f64", "v": "3ff0000000000000"}),
            9 => json!({"t": "array", "v": [{"t": "int", "v": "1"}]}),
            10 => json!({"t": "text", "v": self.pieces(4)}),
            _ => self.a_decimal(),
        }
    }

    fn ends(&mut self, index: &Value) -> Value {
        (0..2)
            .map(|_| match self.below(6) {
                0 => Value::Null,
                1 => json!({"value": self.indexed_part(index, 0), "left_out": true}),
                _ => json!({"value": self.indexed_part(index, 0)}),
            })
            .map(|end| if end["value"]["t"] == "null" { Value::Null } else { end })
            .collect()
    }
}

fn name_only(key: &mut Value) {
    key.as_object_mut().unwrap().remove("secret");
    key["form"] = "name-only".into();
}
