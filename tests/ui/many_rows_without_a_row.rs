use fieldseal::{Class, DataKeys, KeyRing, Record};

#[derive(Record)]
#[record(name = "customer", keys = "external")]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(row)]
    row: i64,
    #[record(seal)]
    email: String,
}

fn main() {
    let keys = DataKeys::create(&KeyRing::generate().unwrap(), 1, &[Class::PERSONAL]).unwrap();
    let _ = customer::EMAIL.seal(&keys, &String::new());
}
