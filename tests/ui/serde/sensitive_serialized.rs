use fieldseal::Sensitive;

fn answered_as_json<T: serde::Serialize>(_: &T) {}

fn main() {
    let email: Sensitive<String> = "ada@example.com".into();
    answered_as_json(&email);
}
