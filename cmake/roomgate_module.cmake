# roomgate_module(PATH SOURCES ... [PUBLIC modules...] [PRIVATE modules...] [SYSTEM libs...] [TESTS files...] [TEST_SYSTEM libs...] [FUZZ names...] [IO])
# One static library for one folder, its tests (tests/PATH/*.cpp) and its fuzz targets (tests/fuzz/NAME.cpp) together.
# TEST_SYSTEM is linked into the tests only.
# PUBLIC and PRIVATE name other modules by folder; they are the layer list, and check_layers.cmake holds includes to it.
# Without SOURCES it is headers alone.
# IO marks modules that use Asio or Beast: left out of the fuzz build, which has no target for them; in the sanitizer builds
# without optimisation and UBSan, with which a file of theirs takes more than a minute to compile (asio_options).

add_library(roomgate_flags INTERFACE)
target_include_directories(roomgate_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(roomgate_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast
  -Wno-missing-field-initializers  # designated initialisers leave the rest at their defaults, on purpose
  $<$<BOOL:${ROOMGATE_WERROR}>:-Werror>)
target_compile_definitions(roomgate_flags INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)
target_link_libraries(roomgate_flags INTERFACE Threads::Threads)

set(asio_options "")
if(ROOMGATE_SANITIZE)
  set(asio_options -O0 -fno-sanitize=undefined)
endif()

set_property(GLOBAL PROPERTY ROOMGATE_MODULES "")

function(roomgate_target_name path out)
  string(REPLACE "/" "_" name ${path})
  string(REPLACE "-" "_" name ${name})
  set(${out} roomgate_${name} PARENT_SCOPE)
endfunction()

function(roomgate_module path)
  cmake_parse_arguments(M "IO" "" "SOURCES;PUBLIC;PRIVATE;SYSTEM;TESTS;TEST_SYSTEM;FUZZ" ${ARGN})
  string(REPLACE ";" "," public "${M_PUBLIC}")
  string(REPLACE ";" "," private "${M_PRIVATE}")
  set_property(GLOBAL APPEND PROPERTY ROOMGATE_MODULES "${path}|${public}|${private}")
  if(M_IO AND ROOMGATE_FUZZ)
    return()
  endif()
  roomgate_target_name(${path} target)
  if(NOT M_SOURCES)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE roomgate_flags ${M_SYSTEM})
    foreach(module ${M_PUBLIC})
      roomgate_target_name(${module} dependency)
      target_link_libraries(${target} INTERFACE ${dependency})
    endforeach()
    return()
  endif()
  list(TRANSFORM M_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/${path}/)
  add_library(${target} STATIC ${M_SOURCES})
  target_link_libraries(${target} PUBLIC roomgate_flags ${M_SYSTEM})
  foreach(scope PUBLIC PRIVATE)
    foreach(module ${M_${scope}})
      roomgate_target_name(${module} dependency)
      target_link_libraries(${target} ${scope} ${dependency})
    endforeach()
  endforeach()
  if(NOT ROOMGATE_FUZZ)
    if(M_IO)
      target_compile_options(${target} PRIVATE ${asio_options})
      target_precompile_headers(${target} REUSE_FROM roomgate_pch_asio)
    else()
      target_precompile_headers(${target} REUSE_FROM roomgate_pch)
    endif()
  endif()
  if(NOT ROOMGATE_TESTS)
    return()
  endif()
  if(M_TESTS AND NOT ROOMGATE_FUZZ)
    list(TRANSFORM M_TESTS PREPEND ${CMAKE_SOURCE_DIR}/tests/${path}/)
    add_executable(${target}_test ${M_TESTS})
    target_link_libraries(${target}_test PRIVATE ${target} roomgate_test_main ${M_TEST_SYSTEM})
    # Not __FILE__, which a compiler cache may make relative: tests would then find no corpora, and skip.
    target_compile_definitions(${target}_test PRIVATE ROOMGATE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit/${path} COMMAND ${target}_test)
    # A simulation under sanitizers takes 100 s with a core of its own.
    set(timeout 120)
    if(ROOMGATE_SANITIZE)
      set(timeout 400)
    endif()
    set_tests_properties(unit/${path} PROPERTIES TIMEOUT ${timeout} LABELS unit)
    if(ROOMGATE_SANITIZE)
      # Another seed reaches the same code: the many are for the builds that are fast.
      set_tests_properties(unit/${path} PROPERTIES ENVIRONMENT SIMULATION_SEEDS=10)
    endif()
  endif()
  foreach(name ${M_FUZZ})
    add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cpp)
    target_link_libraries(fuzz_${name} PRIVATE ${target})
    if(ROOMGATE_FUZZ)
      target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
      # The corpus is an ordinary test in every build (reliability: Envoy's habit).
      target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
      add_test(NAME corpus/${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/corpora/${name})
      set_tests_properties(corpus/${name} PROPERTIES TIMEOUT 120 LABELS unit)
    endif()
  endforeach()
endfunction()

# After all modules: the layer check, run with every build.
function(roomgate_finish)
  get_property(modules GLOBAL PROPERTY ROOMGATE_MODULES)
  set(lines "")
  foreach(module IN LISTS modules)
    string(APPEND lines "${module}\n")
  endforeach()
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/modules.txt CONTENT "${lines}")
  add_custom_target(layers ALL
    COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DMODULES=${CMAKE_BINARY_DIR}/modules.txt
            -P ${CMAKE_SOURCE_DIR}/cmake/check_layers.cmake
    COMMENT "includes only point down" VERBATIM)
endfunction()
