"""Reads files as the reference does and prints what configparser makes of each: one JSON line a file."""
import base64
import configparser
import json
import sys
import tempfile

with tempfile.NamedTemporaryFile(suffix='.cfg') as file:
    for line in sys.stdin:
        file.seek(0)
        file.truncate()
        file.write(base64.b64decode(line))
        file.flush()
        parser = configparser.ConfigParser()
        try:
            parser.read(file.name, encoding='utf-8')
        except (configparser.Error, UnicodeDecodeError) as error:
            lines = [number for number, _ in getattr(error, 'errors', [])] or [getattr(error, 'lineno', 0)]
            print(json.dumps({'error': type(error).__name__, 'lines': lines}))
            continue
        values = []
        for section in parser.sections():
            for key in parser.options(section):
                try:
                    values.append([section, key, parser.get(section, key)])
                except configparser.Error:
                    values.append([section, key, None])
        print(json.dumps({'sections': parser.sections(), 'values': sorted(values, key=str)}))
