use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, index(compound(email, phone), id = "both", measured, normalize = fieldseal::index::Normalizer::NONE))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
    #[record(seal)]
    phone: String,
}

fn main() {}
