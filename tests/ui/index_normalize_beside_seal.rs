use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, normalize = fieldseal::index::Normalizer::NONE)]
    email: String,
}

fn main() {}
