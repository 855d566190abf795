use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(range(fieldseal::index::Domain::integers(0, 99_999)), normalize = fieldseal::index::Normalizer::NONE))]
    email: i64,
}

fn main() {}
