#include <taper/core/safetensors.h>

#include <limits>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <taper/formats/error.h>

namespace taper::safetensors {
namespace {

using Json = nlohmann::json;

// Takes the parser's events and allows no structure but the header's: nothing is built that the header does not need, names given twice
// are seen, and depth is bounded.  A false return stops the parser; `error` says why.
class HeaderEvents : public nlohmann::json_sax<Json> {
  public:
    Header header;
    std::string error;

    bool key(string_t& name) override {
        switch (place_) {
            case Place::top: return open_entry(name);
            case Place::metadata:
                key_ = name;
                return header.metadata.emplace(name, "").second || refuse("metadata has a key twice: " + quoted(name));
            case Place::entry:
                key_ = name;
                if (name != "dtype" && name != "shape" && name != "data_offsets") return refuse("unknown field: " + quoted(name));
                return seen_.insert(name).second || refuse("field given twice: " + quoted(name));
            default: return unexpected("a key");
        }
    }

    bool start_object(std::size_t) override {
        if (place_ == Place::outside) return enter(Place::top);
        if (place_ == Place::top && name_ == "__metadata__") return enter(Place::metadata);
        if (place_ != Place::top) return unexpected("an object");
        seen_.clear();
        return enter(Place::entry);
    }

    bool end_object() override {
        if (place_ == Place::entry && (seen_.size() != 3 || offsets_ != 2)) return refuse("incomplete tensor (want dtype, shape and two data_offsets)");
        if (place_ == Place::entry) offsets_ = 0;
        return enter(place_ == Place::top ? Place::end : Place::top);
    }

    bool start_array(std::size_t) override {
        if (place_ != Place::entry || key_ == "dtype") return unexpected("an array");
        return enter(Place::numbers);
    }

    bool end_array() override { return enter(Place::entry); }

    bool string(string_t& text) override {
        if (place_ == Place::metadata) {
            header.metadata[key_] = text;
            return true;
        }
        if (place_ != Place::entry || key_ != "dtype") return unexpected("a string");
        entry_->dtype = text;
        return true;
    }

    bool number_unsigned(number_unsigned_t value) override {
        if (place_ != Place::numbers) return unexpected("a number");
        if (key_ == "shape") {
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return refuse(fmt::format("a size of {}", value));
            entry_->shape.push_back(static_cast<std::int64_t>(value));
            return true;
        }
        if (offsets_ == 2) return refuse("more than two data_offsets");
        (offsets_++ == 0 ? entry_->begin : entry_->end) = value;
        return true;
    }

    bool number_integer(number_integer_t value) override { return unexpected(fmt::format("the number {}", value)); }
    bool number_float(number_float_t, const string_t& text) override { return unexpected("the number " + text.substr(0, 40)); }
    bool null() override { return unexpected("null"); }
    bool boolean(bool) override { return unexpected("a boolean"); }
    bool binary(binary_t&) override { return unexpected("binary"); }
    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        return refuse(fmt::format("no JSON from its byte {} on", position));
    }

  private:
    enum class Place { outside, top, metadata, entry, numbers, end };

    static std::string quoted(const std::string& name) { return fmt::format("{:?}", name.substr(0, 100)); }

    bool open_entry(const std::string& name) {
        name_ = name;
        if (name == "__metadata__") {
            if (metadata_seen_) return refuse("\"__metadata__\" is given twice");
            return metadata_seen_ = true;
        }
        const auto [place, fresh] = header.entries.emplace(name, Entry{});
        entry_ = &place->second;
        return fresh || refuse("name given twice");
    }

    bool enter(Place place) {
        place_ = place;
        return true;
    }

    bool refuse(const std::string& what) {
        error = (name_.empty() ? "" : "tensor " + quoted(name_) + ": ") + what;
        return false;
    }

    bool unexpected(const std::string& what) {
        return refuse("unexpected " + what + (place_ == Place::entry || place_ == Place::numbers ? " in " + quoted(key_) : ""));
    }

    Place place_ = Place::outside;
    std::string name_, key_;
    Entry* entry_ = nullptr;
    std::set<std::string> seen_;
    int offsets_ = 0;
    bool metadata_seen_ = false;
};

}  // namespace

Header parse_header(std::string_view text, const std::string& where) {
    HeaderEvents events;
    bool good = false;
    try {
        good = Json::sax_parse(text.begin(), text.end(), &events);
    } catch (const Json::exception& exception) {
        events.error = exception.what();
    }
    if (!good) throw Error(fmt::format("load: the header is damaged: {}, header at byte 8: {} (want the safetensors layout)", where, events.error));
    return std::move(events.header);
}

std::string write_header(const Header& header) {
    Json json = Json::object();
    if (!header.metadata.empty()) json["__metadata__"] = header.metadata;
    for (const auto& [name, entry] : header.entries) {
        json[name] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
    }
    std::string text;
    try {
        text = json.dump();
    } catch (const Json::exception&) {
        throw Error("save: a name or a text of the metadata is not UTF-8 (want UTF-8)");
    }
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
}

}  // namespace taper::safetensors
