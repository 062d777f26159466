"""The tables of schemas `raw` and `ledger`, as numbered steps that are applied in order and recorded.

`raw` is append-only: nothing is parsed, nothing is dropped, nothing is changed in place. `ledger` is the loader's
own state and may change in place. An old warehouse opens: the steps that it lacks are applied. A newer one than
this program knows is refused by `Warehouse.prepare`.
"""

MIGRATIONS: list[tuple[int, str, str]] = [
    (
        1,
        "raw_tables",
        """
        create schema if not exists raw;

        create table raw.loads (
            load_id varchar not null,
            source varchar,
            model varchar,
            prompt_id varchar,
            status varchar not null check (status in ('started', 'finished', 'incomplete', 'failed')),
            recorded_at timestamp not null
        );
        create table raw.receipts (
            receipt_id varchar not null,
            source varchar not null,
            source_key varchar not null,
            media_type varchar,
            width integer,
            height integer,
            image_bytes bigint,
            currency varchar,
            label varchar,
            rejected_reason varchar,
            load_id varchar not null,
            loaded_at timestamp not null
        );
        create table raw.batch_requests (
            custom_id varchar not null,
            receipt_id varchar not null,
            model varchar,
            prompt_id varchar,
            shard_id varchar not null,
            attempt integer not null,
            max_tokens integer,
            load_id varchar not null,
            requested_at timestamp not null
        );
        create table raw.batch_jobs (
            job_id varchar not null,
            shard_id varchar not null,
            job varchar not null,
            fetched_at timestamp not null
        );
        create table raw.batch_output (
            job_id varchar not null,
            file_id varchar not null,
            file_kind varchar not null check (file_kind in ('output', 'error')),
            line_number bigint not null,
            line varchar not null,
            line_bytes blob,
            load_id varchar not null,
            landed_at timestamp not null
        );
        """,
    ),
    (
        2,
        "ledger_tables",
        """
        create table ledger.shards (
            shard_id varchar primary key,
            api varchar not null,           -- 'embedded' or the host of the API: a job is only known where it was made
            model varchar not null,
            prompt_id varchar not null,
            style varchar not null,
            load_id varchar not null,
            state varchar not null,         -- see loader/warehouse/ledger.py
            request_count bigint not null,
            byte_count bigint not null,
            estimated_cost_usd double not null,
            input_file_id varchar,
            job_id varchar,
            expires_at timestamp,           -- until when the results must be fetched
            updated_at timestamp not null
        );
        create table ledger.requests (
            custom_id varchar not null,
            attempt integer not null,
            shard_id varchar not null,
            receipt_id varchar not null,
            model varchar not null,
            max_tokens integer not null,
            state varchar not null          -- see loader/warehouse/ledger.py
        );
        create table ledger.files (
            file_id varchar primary key,    -- one row a landed file: landing it again adds nothing
            line_count bigint not null,
            landed_at timestamp not null
        );
        """,
    ),
    (
        3,
        "one_name_an_api",
        # As `settings.Settings.api` spells it: loopback has one name, and the usual ports none.
        r"""
        update ledger.shards
        set api = regexp_replace(
            regexp_replace(lower(api), '^(localhost|\[::1\])(:\d+)?$', '127.0.0.1\2'), '\.?(:80|:443)?$', ''
        );
        """,
    ),
    (
        4,
        "where_receipts_lie",
        """
        alter table raw.receipts add column default_currency varchar;
        alter table raw.receipts add column location varchar;
        """,
    ),
    (
        5,
        "currencies_of_a_setting",
        # Version 0.1 noted the setting as if a data set had said it. Where all that a run noted of a source has one
        # currency it was the setting; unlike ones, or some without, came from a column. A row that says so is
        # appended right after each, before all that is later; landed by hand, `--currency` stays a correction.
        """
        insert into raw.receipts
        with by_hand as (
            select receipt_id from raw.batch_requests where prompt_id is null
        ),
        loaded as (
            select *
            from raw.receipts
            where default_currency is null and location is null and receipt_id not in (select receipt_id from by_hand)
        ),
        with_a_column as (
            select source
            from loaded
            group by source, load_id
            having count(currency) > 0 and (count(distinct currency) > 1 or count(currency) < count(*))
        ),
        latest as (
            select *
            from loaded
            where source not in (select source from with_a_column)
            qualify row_number() over (
                partition by receipt_id, source, source_key order by loaded_at desc, load_id desc
            ) = 1
        )
        select * replace (
            null as currency, currency as default_currency, loaded_at + interval 1 microsecond as loaded_at
        )
        from latest
        where currency is not null;
        """,
    ),
    (
        6,
        "why_requests_failed",
        """
        create table ledger.failures (
            shard_id varchar not null,
            custom_id varchar not null,
            load_id varchar not null,
            reason varchar not null,
            is_final boolean not null       -- asking again cannot mend it
        );
        """,
    ),
    (
        7,
        "rules_of_judgement",
        # By which rules (`verdicts.rules`) the answers of a job were judged. Those that were judged before there was
        # this table are judged again by the next load, and so are all when the rules change.
        """
        create table ledger.judged_jobs (
            job_id varchar primary key,
            shard_id varchar not null,
            rules varchar not null
        );
        insert into ledger.judged_jobs
        select distinct job_id, shard_id, 'before 7'
        from raw.batch_jobs
        where shard_id in (select shard_id from ledger.requests where state not in ('planned', 'sent'));
        """,
    ),
    (
        8,
        "known_files",
        # Not filled from raw.receipts, which does not say which version of a file was read: that takes one more read.
        """
        create table ledger.known_files (
            location varchar not null,      -- a row each, see loader/warehouse/known_files.py
            version varchar not null,
            rules varchar not null,
            receipt_id varchar not null,
            media_type varchar,
            width integer,
            height integer,
            image_bytes bigint not null,
            rejected_reason varchar
        );
        """,
    ),
    (
        9,
        "corrections",
        # What people set right; see loader/warehouse/corrections.py.
        """
        create table raw.corrections (
            correction_id varchar not null,
            receipt_id varchar not null,
            answer_id varchar,
            item_number bigint,
            field varchar not null,
            value varchar,
            reason varchar,
            corrected_by varchar not null,
            corrected_at timestamp not null
        );
        """,
    ),
]
