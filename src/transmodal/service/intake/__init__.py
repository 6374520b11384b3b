"""Uploads: bodies of requests taken within their limits, and archives taken apart safely.

Comes in: streams of bytes from anybody. Goes out: files in a job's folder, or a refusal.
Open first: `uploads.py`.
"""
