use fieldseal::{Domain, Normalizer, Record};

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(range(Domain::integers(0, 99_999)), normalize = Normalizer::NONE))]
    email: i64,
}

fn main() {}
