use fieldseal::{DataKeys, Record, Sealed};

#[derive(Record)]
#[record(name = "customer", single_row, index(compound(email, phone), id = "both", measured))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
    #[record(seal)]
    phone: String,
}

fn main() {}

fn write(keys: &DataKeys) -> Sealed<String> {
    customer::EMAIL.update(keys, &"ada@example.com".into()).unwrap().value
}
