use fieldseal::{DataKeys, Record, Sealed};

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, measured))]
    email: String,
}

fn main() {}

fn write(keys: &DataKeys) -> Sealed<String> {
    customer::EMAIL.seal(keys, &"ada@example.com".into()).unwrap()
}
