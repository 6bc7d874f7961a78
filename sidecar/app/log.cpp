#include "app/log.hpp"

#include "app/settings.hpp"
#include "json/json.hpp"

#include <Poco/Channel.h>
#include <Poco/DateTimeFormatter.h>
#include <Poco/Exception.h>
#include <Poco/Logger.h>

#include <iostream>
#include <mutex>

namespace ayb::app {

namespace {

using Poco::Message;

const char *level_name(Message::Priority priority) {
    switch (priority) {
    case Message::PRIO_FATAL:
    case Message::PRIO_CRITICAL:
    case Message::PRIO_ERROR:
        return "error";
    case Message::PRIO_WARNING:
        return "warning";
    case Message::PRIO_DEBUG:
    case Message::PRIO_TRACE:
        return "debug";
    default:
        return "information";
    }
}

// The message is what write() made of it: members of an object.
class JsonLines : public Poco::Channel {
  public:
    void log(const Message &message) override {
        const std::string line =
            "{\"time\":" +
            json::quote(Poco::DateTimeFormatter::format(message.getTime(), "%Y-%m-%dT%H:%M:%s%z")) +
            ",\"level\":\"" + level_name(message.getPriority()) + "\"," + message.getText() + "}\n";
        const std::lock_guard lock(mutex_);
        std::cerr << line << std::flush;
    }

  private:
    std::mutex mutex_;
};

void write(Message::Priority priority, const std::string &text, LogFields fields) {
    Poco::Logger &logger = Poco::Logger::root();
    if (!logger.is(priority))
        return;
    std::string members = "\"message\":" + json::quote(text);
    for (const auto &[name, value] : fields)
        if (const std::string text = value.json(); !text.empty())
            members += "," + json::quote(name) + ":" + text;
    logger.log(Message("ayb-jobs", members, priority));
}

} // namespace

std::string LogValue::json() const { return number_ || text_.empty() ? text_ : json::quote(text_); }

void start_log(const std::string &level) {
    try {
        Poco::Logger::root().setLevel(level);
    } catch (const Poco::Exception &) {
        throw UsageError("log-level can't be \"" + level + "\"");
    }
    Poco::Logger::root().setChannel(Poco::AutoPtr<Poco::Channel>(new JsonLines));
}

void log_error(const std::string &message, LogFields fields) {
    write(Message::PRIO_ERROR, message, fields);
}

void log_warning(const std::string &message, LogFields fields) {
    write(Message::PRIO_WARNING, message, fields);
}

void log_information(const std::string &message, LogFields fields) {
    write(Message::PRIO_INFORMATION, message, fields);
}

} // namespace ayb::app
