# ccache and mold where they are installed, warnings as errors, sanitizers by TROUPE_SANITIZE, and the one way to declare
# a library of this project.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Precompiled headers defeat ccache unless it may ignore their time stamps.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

if(TROUPE_SANITIZE)
  add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TROUPE_SANITIZE})
endif()

# Everything that shares a precompiled header is compiled alike.
add_compile_options(-fpch-preprocess -pthread)

# g++ 12 also counts designated initializers as missing the members that they leave at their defaults.
set(TROUPE_WARNINGS -Wall -Wextra -Werror -Wno-missing-field-initializers)

# troupe_library(NAME [ACTORS] SOURCES a.cpp ... LINKS target ... [PRECOMPILE header ...])
# A static library whose includes are written from the root of the source tree. Without sources: an interface library.
# ACTORS: it is about actors, and shares the precompiled headers of messages_caf.
function(troupe_library name)
  cmake_parse_arguments(ARG "ACTORS" "" "SOURCES;LINKS;PRECOMPILE" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_compile_options(${name} PRIVATE ${TROUPE_WARNINGS})
    if(ARG_ACTORS)
      target_precompile_headers(${name} REUSE_FROM messages_caf)
    elseif(ARG_PRECOMPILE)
      target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
    endif()
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} ${scope} ${ARG_LINKS})
endfunction()

# Behind the flags of the preset: tests run once and compile often; a fifth of their cost is optimizing.
set(TROUPE_TEST_OPTIMIZATION)
if(CMAKE_CXX_FLAGS MATCHES "-O2")
  set(TROUPE_TEST_OPTIMIZATION -O0)
endif()

# troupe_test(NAME [ACTORS] SOURCES a_test.cpp ... LINKS target ... [LABELS label ...])
# A GoogleTest executable, each of its tests known to ctest. ACTORS: its sources stand on the actor fixture.
# What all tests include is compiled once (test/support): it is most of the cost of a test.
function(troupe_test name)
  cmake_parse_arguments(ARG "ACTORS" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(ARG_ACTORS)
    target_precompile_headers(${name} REUSE_FROM actor_test_headers)
  else()
    target_precompile_headers(${name} REUSE_FROM test_headers)
  endif()
  target_compile_options(${name} PRIVATE ${TROUPE_WARNINGS} ${TROUPE_TEST_OPTIMIZATION})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} GTest::gmock GTest::gtest_main)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS default)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
