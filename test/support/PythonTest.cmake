# Whole-system tests are Python scripts that speak the wire protocol. They need Debian's
# interpreter, for which python3-grpcio and python3-protobuf are installed, whatever else stands
# in PATH.
find_program(TROUPE_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
find_program(ETCD_PROGRAM etcd REQUIRED)

# troupe_python_test(NAME SCRIPT file.py [ARGUMENTS ...] [LABELS label ...] [TIMEOUT seconds]
#                    [SERIAL])
# SERIAL: not beside other tests, because it measures or loads the machine.
function(troupe_python_test name)
  cmake_parse_arguments(ARG "SERIAL" "SCRIPT;TIMEOUT" "ARGUMENTS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS default)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${TROUPE_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SCRIPT} ${ARG_ARGUMENTS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()
