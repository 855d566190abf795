use fieldseal::{KeyRing, Record};

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {
    let ring = KeyRing::generate().unwrap();
    let ada = Customer { id: 42, email: String::new() };
    ada.seal(&ring).unwrap();
}
