use fieldseal::index::Domain;
use fieldseal::Record;

const DOMAIN: Domain = Domain::integers(0, 99);

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(range(DOMAIN)))]
    value: String,
}

fn main() {}
