use fieldseal::{KeyRing, Record, SealedRecord as _};

#[derive(Record)]
#[record(name = "customer", single_row, keys = "external")]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {
    let ring = KeyRing::generate().unwrap();
    let ada = Customer { id: 42, email: String::new() };
    let row = ada.seal_new(&ring).unwrap();
    row.open(&ring, 42).unwrap();
}
