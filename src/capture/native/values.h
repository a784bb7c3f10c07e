// Small conversions between JavaScript values and C++ ones.
#ifndef SPANTAP_VALUES_H_
#define SPANTAP_VALUES_H_

#include <node_api.h>

#include <string>

namespace spantap {

inline napi_value Undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

inline void Throw(napi_env env, const char* code, const std::string& message) {
  napi_throw_error(env, code, message.c_str());
}

/// The text of a string value; '' for everything else.
inline std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return "";
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

inline napi_value Property(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  napi_get_named_property(env, object, name, &value);
  return value;
}

inline uint32_t UintProperty(napi_env env, napi_value object, const char* name) {
  uint32_t number = 0;
  napi_get_value_uint32(env, Property(env, object, name), &number);
  return number;
}

inline bool BoolProperty(napi_env env, napi_value object, const char* name) {
  bool truth = false;
  napi_get_value_bool(env, Property(env, object, name), &truth);
  return truth;
}

inline void SetText(napi_env env, napi_value object, const char* name, const std::string& text) {
  napi_value value;
  if (napi_create_string_utf8(env, text.data(), text.size(), &value) == napi_ok) {
    napi_set_named_property(env, object, name, value);
  }
}

inline void SetNumber(napi_env env, napi_value object, const char* name, double number) {
  napi_value value;
  if (napi_create_double(env, number, &value) == napi_ok) napi_set_named_property(env, object, name, value);
}

inline void SetBool(napi_env env, napi_value object, const char* name, bool truth) {
  napi_value value;
  if (napi_get_boolean(env, truth, &value) == napi_ok) napi_set_named_property(env, object, name, value);
}

}  // namespace spantap

#endif  // SPANTAP_VALUES_H_
